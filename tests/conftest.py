"""What all tests share."""

from hypothesis import settings

pytest_plugins = ["pytester"]

# A deadline would time this machine's other work, too.
settings.register_profile("evalmd", deadline=None)
settings.load_profile("evalmd")

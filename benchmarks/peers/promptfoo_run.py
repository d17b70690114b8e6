"""promptfoo: a test a request, whose answer is echoed, judged by llm-rubric."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

promptfoo, path, concurrency = sys.argv[1:]
with Path(path).open(encoding="utf-8") as file:
    prompts = [body["messages"][-1]["content"] for body in json.load(file)]
config = {
    "providers": ["echo"],
    "prompts": ["{{text}}"],
    "defaultTest": {"options": {"provider": "openai:chat:mock"}},
    "tests": [
        {
            "vars": {"text": prompt},
            "assert": [{"type": "llm-rubric", "value": "It is so."}],
        }
        for prompt in prompts
    ],
}
with tempfile.TemporaryDirectory() as folder:
    (Path(folder) / "config.json").write_text(json.dumps(config), encoding="utf-8")
    command = [promptfoo, "eval", "-c", "config.json", "-j", concurrency]
    command += ["--no-cache", "--no-table", "--no-write", "--no-progress-bar"]
    off = {
        "PROMPTFOO_DISABLE_TELEMETRY": "1",
        "PROMPTFOO_DISABLE_UPDATE": "1",
        # Its files of logs fail with "write after end" on Node 20.
        "PROMPTFOO_DISABLE_DEBUG_LOG": "1",
        "PROMPTFOO_DISABLE_ERROR_LOG": "1",
        "PROMPTFOO_DISABLE_REMOTE_GENERATION": "1",
        "PROMPTFOO_CONFIG_DIR": folder,
    }
    done = subprocess.run(
        command, cwd=folder, env=os.environ | off, capture_output=True, text=True
    )
said = done.stdout + done.stderr
assert f"{len(prompts):,} passed" in said, said[-2000:]

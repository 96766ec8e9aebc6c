"""What strangers send is read by code that a fuzzer tries for a minute: libFuzzer, guided by coverage, of the Swift toolchain."""

import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SEEDS = (
    '{"title":"Concert","startsAt":"2031-01-01T10:00:00Z","capacity":5,"waitlistEnabled":true,"venue":null}',
    '{"scans":[{"code":"EM1:ABC","device":"d","scanId":"1","admitted":false},{"code":"\\u00e9\\ud83d\\ude00"}]}',
    "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]",
    '{"a":{"a":{"a":{"b":[-0,1.5e-3,1E+2,""]}}}, "\\"\\\\\\/\\b\\f\\n\\r\\t" : [ ] }',
    '{"a":1,"\\u0061":2,}',
)


def test_the_reader_of_bodies_holds_against_a_minute_of_fuzzing(tmp_path: Path) -> None:
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    for number, seed in enumerate(SEEDS):
        (corpus / str(number)).write_text(seed)
    fuzzer = tmp_path / "fuzz"
    subprocess.run(
        ["swiftc", "-O", "-swift-version", "6", "-parse-as-library", "-sanitize=fuzzer,address", "-o", fuzzer,
         ROOT / "Tests/Fuzz/JSONFuzz.swift", ROOT / "Sources/Domain/JSONDocument.swift"], check=True, timeout=300)
    seconds = os.environ.get("EM_FUZZ_SECONDS", "60")
    # An input of 4 kB that takes a second is a finding, and so is memory that grows.
    ran = subprocess.run(
        [fuzzer, corpus, f"-max_total_time={seconds}", "-max_len=4096", "-timeout=1", "-rss_limit_mb=1024",
         f"-seed={os.environ.get('EM_CHAOS_SEED', '1')}", f"-artifact_prefix={tmp_path}/"],
        capture_output=True, text=True, errors="replace", timeout=int(seconds) + 240)
    assert ran.returncode == 0, ran.stderr[-4000:]
    last = ran.stderr.strip().splitlines()[-1]
    assert last.startswith("Done "), last
    print(last)

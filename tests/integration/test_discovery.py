"""Targets come and go with their files, whichever way these are written."""
import json
import os

import pytest

from daemon import job
from harness import wait_until

# inotify tells of every change here; the interval is long, so that a target that moves was not moved by it
INTERVAL = "1h"


def group(*addresses, **labels):
    return [{"targets": list(addresses), "labels": labels}]


@pytest.fixture
def folder(tmp_path):
    f = tmp_path / "targets"
    f.mkdir()
    return f


@pytest.fixture
def watched(pulseline, folder, pages):
    pages.pages["/metrics"] = b"a 1\n"
    (folder / "one.json").write_text(json.dumps(group("127.0.0.1:1", n="1")))
    files = [str(folder / "*.json"), str(folder / "*.yml")]
    jobs = [{"job_name": "f", "file_sd_configs": [{"files": files, "refresh_interval": INTERVAL}]}, job("steady", pages.address)]
    pulseline.config(jobs).start()
    wait_until(lambda: instances(pulseline) == {"127.0.0.1:1"}, "the first target is there")
    return pulseline


def instances(pulseline, name="f"):
    return {instance for j, instance in pulseline.targets() if j == name}


def becomes(pulseline, *addresses):
    wait_until(lambda: instances(pulseline) == set(addresses), f"the targets are {addresses}")


@pytest.mark.sanitized
def test_create_change_and_delete(watched, folder):
    (folder / "two.yml").write_text("- targets: [127.0.0.1:2, 127.0.0.1:3]\n  labels: {n: two}\n")
    becomes(watched, "127.0.0.1:1", "127.0.0.1:2", "127.0.0.1:3")
    labels = watched.targets()[("f", "127.0.0.1:2")]
    assert labels["labels"]["n"] == "two"
    assert labels["discoveredLabels"]["__meta_filepath"] == str(folder / "two.yml")
    (folder / "two.yml").write_text("- targets: [127.0.0.1:3]\n")
    becomes(watched, "127.0.0.1:1", "127.0.0.1:3")
    (folder / "one.json").unlink()
    becomes(watched, "127.0.0.1:3")


def test_rename_over(watched, folder):
    (folder / "new.tmp").write_text(json.dumps(group("127.0.0.1:7")))
    os.rename(folder / "new.tmp", folder / "one.json")
    becomes(watched, "127.0.0.1:7")


def test_truncate_then_write(watched, folder):
    with open(folder / "one.json", "w") as f:  # truncated here
        f.flush()
        text = json.dumps(group("127.0.0.1:8", "127.0.0.1:9"))
        f.write(text[:10])
        f.flush()
        wait_until(lambda: instances(watched) == {"127.0.0.1:1"}, "half a file changes nothing")
        f.write(text[10:])
    becomes(watched, "127.0.0.1:8", "127.0.0.1:9")


def test_symlinks_swapped_as_config_maps_do(watched, folder):
    def version(name, address):
        (folder / name).mkdir()
        (folder / name / "map.json").write_text(json.dumps(group(address)))

    version("..v1", "127.0.0.1:11")
    os.symlink("..v1", folder / "..data")
    os.symlink("..data/map.json", folder / "map.json")
    becomes(watched, "127.0.0.1:1", "127.0.0.1:11")
    version("..v2", "127.0.0.1:12")
    os.symlink("..v2", folder / "..data_tmp")
    os.rename(folder / "..data_tmp", folder / "..data")
    becomes(watched, "127.0.0.1:1", "127.0.0.1:12")


def test_a_bad_file_keeps_its_last_targets_and_says_why(watched, folder):
    (folder / "two.yml").write_text("- targets: [127.0.0.1:2]\n")
    becomes(watched, "127.0.0.1:1", "127.0.0.1:2")
    (folder / "two.yml").write_text("- targets: [127.0.0.1:3]\n  labls: {a: b}\n")
    wait_until(lambda: "two.yml:2:" in watched.log(), "the log names file, line and column")
    assert "labls" in watched.log()
    assert instances(watched) == {"127.0.0.1:1", "127.0.0.1:2"}
    (folder / "two.yml").write_text("- targets: [127.0.0.1:4]\n")
    becomes(watched, "127.0.0.1:1", "127.0.0.1:4")


def test_a_huge_file_is_refused_by_its_size(watched, folder):
    with open(folder / "huge.json", "wb") as f:
        f.truncate(200 * 1024 * 1024)
    wait_until(lambda: "huge.json" in watched.log(), "the log names the file")
    assert instances(watched) == {"127.0.0.1:1"}
    assert watched.rss_anon_kib() < 150 * 1024


def test_without_inotify_the_interval_moves_targets(pulseline, folder):
    """A file behind a symlink into /proc cannot be watched; the refresh interval must do."""
    real = folder / "real.json"
    real.write_text(json.dumps(group("127.0.0.1:1")))
    fd = os.open(folder, os.O_RDONLY)
    try:
        seen = f"/proc/{os.getpid()}/fd/{fd}/real.json"
        pulseline.config([{"job_name": "f", "file_sd_configs": [{"files": [seen], "refresh_interval": "1s"}]}]).start()
        becomes(pulseline, "127.0.0.1:1")
        real.write_text(json.dumps(group("127.0.0.1:2")))
        becomes(pulseline, "127.0.0.1:2")
    finally:
        os.close(fd)


@pytest.mark.skipif(os.getuid() == 0, reason="root may read a file of mode 000")
def test_a_file_that_cannot_be_read_keeps_its_targets(watched, folder):
    (folder / "one.json").chmod(0)
    wait_until(lambda: "one.json" in watched.log(), "the log names the file")
    assert instances(watched) == {"127.0.0.1:1"}


def test_targets_that_stay_are_not_disturbed(watched, folder, pages):
    wait_until(lambda: pages.count("/metrics") >= 2, "the steady target is scraped")
    connections = pages.connections
    for i in range(20, 40):
        (folder / "one.json").write_text(json.dumps(group(f"127.0.0.1:{i}")))
        becomes(watched, f"127.0.0.1:{i}")
    count = pages.count("/metrics")
    wait_until(lambda: pages.count("/metrics") > count, "the steady target is still scraped")
    assert pages.connections == connections, "and over the same connection"

"""Promises of dev.cgroups: the text of mountinfo is understood on old, mixed and new machines."""

from pathlib import Path

from dev.cgroups import Hierarchy, hierarchies

VERSION_1 = """\
31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime shared:9 - cgroup cgroup rw,cpu,cpuacct
34 31 0:31 / /sys/fs/cgroup/cpuset rw,relatime - cgroup cgroup rw,cpuset,clone_children
40 31 0:37 / /sys/fs/cgroup/systemd rw,relatime - cgroup cgroup rw,xattr,name=systemd
41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw,nsdelegate
"""
VERSION_2 = (
    "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate,memory_recursiveprot\n"
    "31 23 254:1 / / rw - ext4 /dev/vda rw\n"
)


def test_controllers_of_version_1_become_the_options_that_mount_them_again() -> None:
    assert hierarchies(VERSION_1)[:2] == [
        Hierarchy(Path("/sys/fs/cgroup/cpu,cpuacct"), "cgroup", "cpu,cpuacct"),
        Hierarchy(Path("/sys/fs/cgroup/cpuset"), "cgroup", "cpuset"),
    ]


def test_a_hierarchy_without_controllers_is_mounted_by_its_name() -> None:
    assert hierarchies(VERSION_1)[2].options == "none,name=systemd"


def test_version_2_takes_no_options() -> None:
    assert hierarchies(VERSION_1)[3] == Hierarchy(Path("/sys/fs/cgroup/unified"), "cgroup2", "")
    assert hierarchies(VERSION_2) == [Hierarchy(Path("/sys/fs/cgroup"), "cgroup2", "")]

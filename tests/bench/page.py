"""Pages as node_exporter writes them: its families (families.txt), as many samples as asked for, values that look the part.
The same arguments always give the same bytes."""
import decimal
import pathlib
import random

MODES = ["idle", "iowait", "irq", "nice", "softirq", "steal", "system", "user"]
NICS = ["lo", "eno1", "eno2", "docker0", "br-3f5a9c01d2e4", "veth1a2b3c4", "veth5d6e7f8", "wg0"]
DISKS = ["nvme0n1", "nvme1n1", "sda", "sdb", "dm-0", "dm-1"]
MOUNTS = [("/dev/nvme0n1p2", "ext4", "/"), ("/dev/nvme0n1p1", "vfat", "/boot/efi"), ("/dev/mapper/vg0-data", "xfs", "/srv/data"),
          ("tmpfs", "tmpfs", "/run"), ("tmpfs", "tmpfs", "/run/user/1000"), ("/dev/sdb1", "ext4", "/mnt/back up")]
COLLECTORS = ("arp bcache bonding btrfs conntrack cpu cpufreq diskstats dmi edac entropy fibrechannel filefd filesystem hwmon "
              "infiniband ipvs loadavg mdadm meminfo netclass netdev netstat nfs nfsd nvme os powersupplyclass pressure rapl "
              "schedstat selinux sockstat softnet stat tapestats textfile thermal_zone time timex udp_queues uname vmstat xfs "
              "zfs").split()
FIXED = {
    "go_info": 'version="go1.19.8"',
    "node_exporter_build_info": 'branch="main",goarch="amd64",goos="linux",goversion="go1.19.8",revision="1.5.0",version="1.5.0"',
    "node_os_info": 'build_id="",id="debian",name="Debian GNU/Linux",pretty_name="Debian GNU/Linux 12 (bookworm)",version_id="12"',
    "node_os_version": 'id="debian",id_like="",name="Debian GNU/Linux"',
    "node_uname_info": 'domainname="(none)",machine="x86_64",nodename="db-17",release="6.1.0-28-amd64",sysname="Linux"',
    "node_time_zone_offset_seconds": 'time_zone="UTC"',
    "node_time_clocksource_current_info": 'clocksource="tsc",device="0"',
}


def number(v):
    """As Go's strconv prints it with format 'g' and the shortest precision."""
    d = decimal.Decimal(repr(v)).normalize()
    exponent = d.adjusted()
    if v == 0 or -5 < exponent < 6:
        return f"{d:f}"
    digits = "".join(map(str, d.as_tuple().digits))
    return f"{digits[0]}{'.' if digits[1:] else ''}{digits[1:]}e{'+' if exponent >= 0 else '-'}{abs(exponent):02d}"


def label_sets(name, labels, cpus):
    if name in FIXED:
        return [FIXED[name]]
    if not labels:
        return [""]
    if labels == ["cpu", "mode"]:
        modes = ["nice", "user"] if "guest" in name else MODES
        return [f'cpu="{c}",mode="{m}"' for c in range(cpus) for m in modes]
    if labels == ["cpu"]:
        return [f'cpu="{c}"' for c in range(cpus)]
    if labels == ["collector"]:
        return [f'collector="{c}"' for c in COLLECTORS]
    if name.startswith("node_filesystem"):
        return [f'device="{d}",fstype="{f}",mountpoint="{m}"' for d, f, m in MOUNTS]
    if name == "node_network_info":
        return [f'address="52:54:00:{i:02x}:00:01",broadcast="ff:ff:ff:ff:ff:ff",device="{d}",duplex="full",ifalias="",operstate="up"'
                for i, d in enumerate(NICS)]
    if name == "node_disk_info":
        return [f'device="{d}",major="259",minor="{i}",model="SAMSUNG MZVL2512HCJQ-00B00",path="pci-0000:01:00.0-nvme-1",'
                f'revision="GXA7601Q",serial="S675NX0T3{i:05d}",wwn="eui.002538b3314{i:05d}"' for i, d in enumerate(DISKS)]
    if labels == ["device"]:
        return [f'device="{d}"' for d in (DISKS if "disk" in name else NICS)]
    values = {"ip": ["v4", "v6"], "queue": ["rx", "tx"], "cause": ["encoding", "gathering"], "code": ["200", "500", "503"],
              "clocksource": ["tsc", "hpet"], "device": ["0"]}
    sets = [""]
    for label in labels:
        sets = [(f"{s}," if s else "") + f'{label}="{v}"' for s in sets for v in values[label]]
    return sets


def value(rng, name, kind):
    if name.endswith("_info") or name.endswith(("_success", "_up", "carrier")):
        return 1
    if rng.random() < 0.3:
        return 0
    if "bytes" in name:
        return float(rng.randrange(1 << 20, 1 << 40))
    if "seconds" in name and kind == "counter":
        return round(rng.uniform(0, 900000), 2)
    if "seconds" in name:
        return round(rng.uniform(1e-6, 2), 9)
    if kind == "counter" or "total" in name:
        return float(rng.randrange(0, 1 << rng.randrange(4, 34)))
    return float(rng.randrange(0, 100000))


def families():
    for line in (pathlib.Path(__file__).parent / "families.txt").read_text().splitlines():
        if line and not line.startswith("#"):
            name, kind, *labels = line.split(" ")
            yield name, kind, labels[0].split(",") if labels else []


def node_page(samples, variant=0):
    """`samples` samples; of another `variant` only the values differ."""
    families_now = list(families())
    cpus = 1
    while sum(len(label_sets(n, ls, cpus)) for n, _, ls in families_now) < samples:
        cpus += 1
    rng = random.Random(f"node {samples} {variant}")
    out, left = [], samples
    surplus = sum(len(label_sets(n, ls, cpus)) for n, _, ls in families_now) - samples
    for name, kind, labels in families_now:
        sets = label_sets(name, labels, cpus)
        if surplus and len(sets) > 1:  # the rest of the last processor, which would be too much
            cut = min(surplus, len(sets) - 1)
            sets, surplus = sets[:-cut], surplus - cut
        sets = sets[:left]
        if not sets:
            break
        left -= len(sets)
        words = name.removeprefix("node_").replace("_", " ")
        out.append(f"# HELP {name} What this host counts as {words}.\n# TYPE {name} {kind}\n")
        for s in sets:
            out.append(f"{name}{{{s}}} {number(value(rng, name, kind))}\n" if s else f"{name} {number(value(rng, name, kind))}\n")
    return "".join(out).encode()


def histogram_page(samples, variant=0):
    """Request durations by handler, method and code in 14 buckets: the other kind of page that there is a lot of."""
    rng = random.Random(f"histogram {samples} {variant}")
    bounds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60]
    name = "http_request_duration_seconds"
    lines = []
    series = 0
    while len(lines) < samples:
        labels = f'code="{[200, 404, 500][series % 3]}",handler="/api/v1/things/{series // 6}",method="{["get", "post"][series // 3 % 2]}"'
        series += 1
        count = 0
        for b in bounds:
            count += rng.randrange(0, 100000)
            lines.append(f'{name}_bucket{{{labels},le="{b}"}} {number(float(count))}\n')
        lines.append(f'{name}_bucket{{{labels},le="+Inf"}} {number(float(count))}\n')
        lines.append(f"{name}_sum{{{labels}}} {number(round(rng.uniform(0, 1e5), 6))}\n")
        lines.append(f"{name}_count{{{labels}}} {number(float(count))}\n")
    head = f"# HELP {name} How long requests took.\n# TYPE {name} histogram\n"
    return (head + "".join(lines[:samples])).encode()

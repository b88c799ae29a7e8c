#!/usr/bin/env bash
# CPython 3.11 on Linux (6.x): resource.getrusage(RUSAGE_SELF).ru_maxrss in a fresh child process.
#
# A child started by `subprocess` from a process that holds 400 MB reports a peak of more than 400 MB as its own, although
# it is another program that uses 13 MB. /proc/self/status of the same child has the right peak in VmHWM.
#
# The good guess that is wrong: exec gives a process a new memory image, so its peak starts there, and a benchmark that runs
# each case in a fresh process measures each case. At exec the kernel keeps the peak of the old image in the process's
# record, and after vfork (which subprocess uses) the old image is the parent's. So every case reports at least what the
# parent holds, and differences between cases come out as 0.
#
# Seen (MB; the first line depends on the parent alone):
#   ru_maxrss  from a small parent: 13    from a parent with 400 MB: 413
#   VmHWM      from a small parent: 13    from a parent with 400 MB: 13
set -eu
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT; cd "$dir"
cat > child.py <<'PYTHON'
import re
import resource

peak = re.search(r"VmHWM:\s+(\d+)", open("/proc/self/status").read())
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024, int(peak[1]) // 1024)
PYTHON
cat > parent.py <<'PYTHON'
import subprocess
import sys

held = bytearray(b"x") * (int(sys.argv[1]) << 20)
print(subprocess.run([sys.executable, "child.py"], capture_output=True, text=True, check=True).stdout.strip())
PYTHON
read -r small_max small_peak < <(python3 parent.py 0)
read -r large_max large_peak < <(python3 parent.py 400)
echo "ru_maxrss  from a small parent: $small_max    from a parent with 400 MB: $large_max"
echo "VmHWM      from a small parent: $small_peak    from a parent with 400 MB: $large_peak"
[ "$small_max" -lt 100 ] && [ "$large_max" -gt 400 ] && [ "$large_peak" -lt 100 ]

"""Code that takes all of what Linux counts for each user; ``taken`` says how much that was."""

SIGNALS = """
import subprocess, sys
child = subprocess.Popen([sys.executable, '-c', '''
import ctypes, os, signal, sys
libc = ctypes.CDLL(None)
signal.pthread_sigmask(signal.SIG_BLOCK, {40})
taken = 0
while taken < 200_000 and libc.sigqueue(os.getpid(), 40, None) == 0: taken += 1
print(taken, flush=True)
sys.stdin.read()
'''], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
taken = int(child.stdout.readline())
"""
DESCRIPTORS = """
import socket
pairs, taken = [], 0
try:
    while taken < 200_000:
        pairs.append(socket.socketpair())
        for _ in range(8):
            socket.send_fds(pairs[-1][0], [b'x'], [0] * 100)
            taken += 100
except OSError:
    pass
"""

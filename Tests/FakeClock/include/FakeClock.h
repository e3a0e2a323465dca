#ifndef FAKE_CLOCK_H
#define FAKE_CLOCK_H

/// A library to preload into a process: its wall clock shows the real time and an offset, in nanoseconds, that the 8 bytes
/// of the file named by `FAKE_CLOCK` hold. Whoever writes them steps the clock. The monotonic clock stays as it is.

#endif

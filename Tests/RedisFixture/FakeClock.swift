import Glibc

/// A wall clock that a test steps, for processes that are started with its environment.
///
/// Its library, `libFakeClock.so`, is built together with the tests.
public final class FakeClock: Sendable {
  private let path: String

  /// A clock that shows the real time until it is stepped.
  public init() {
    var template = Array("/tmp/clock-XXXXXX".utf8CString)
    let descriptor = mkstemp(&template)
    path = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    precondition(descriptor >= 0, "cannot make a file under /tmp")
    close(descriptor)
    set(.zero)
  }

  deinit { unlink(path) }

  /// Sets how far the clock is ahead of the real time; negative when it is behind.
  public func set(_ offset: Duration) {
    var nanoseconds = Int64(offset / .nanoseconds(1))
    let descriptor = open(path, O_WRONLY)
    precondition(pwrite(descriptor, &nanoseconds, 8, 0) == 8, "cannot write \(path)")
    close(descriptor)
  }

  /// What a process must be started with.
  public var environment: [String: String] { ["LD_PRELOAD": FakeClock.library, "FAKE_CLOCK": path] }

  private static var library: String {
    guard let program = realpath("/proc/self/exe", nil) else { return "libFakeClock.so" }
    defer { free(program) }
    return String(cString: program).split(separator: "/", omittingEmptySubsequences: false).dropLast()
      .joined(separator: "/") + "/libFakeClock.so"
  }
}

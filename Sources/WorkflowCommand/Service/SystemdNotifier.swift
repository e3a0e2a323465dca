import Glibc
import LinuxSupport

/// systemd, as a service of `Type=notify` talks to it: datagrams to the socket that `NOTIFY_SOCKET` names
/// (`sd_notify(3)`). Without a service manager every call does nothing.
struct SystemdNotifier: Sendable {
  private let address: String?
  /// How often systemd wants to hear from the service; nil when it does not.
  let watchdogInterval: Duration?

  /// Reads the environment that systemd gives.
  init() {
    address = getenv("NOTIFY_SOCKET").map { String(cString: $0) }
    let microseconds = getenv("WATCHDOG_USEC").flatMap { Int(String(cString: $0)) }
    let isForUs = getenv("WATCHDOG_PID").map { String(cString: $0) == "\(getpid())" } ?? true
    watchdogInterval = isForUs ? microseconds.map { .microseconds($0) } : nil
  }

  /// The service has started; said again, it changes only what `systemctl status` shows.
  func ready(_ status: String) { send("READY=1\nSTATUS=\(status)") }

  /// What `systemctl status` shows.
  func status(_ status: String) { send("STATUS=\(status)") }

  /// The service has begun to stop.
  /// - Parameter duration: how long that may take. systemd extends its `TimeoutStopSec=` to it, never shortens it.
  func stopping(within duration: Duration? = nil) {
    let extended = duration.map { "\nEXTEND_TIMEOUT_USEC=\($0.components.seconds * 1_000_000)" } ?? ""
    send("STOPPING=1\nSTATUS=stopping\(extended)")
  }

  /// The service is alive.
  func alive() { if watchdogInterval != nil { send("WATCHDOG=1") } }

  private func send(_ message: String) {
    guard let address else { return }
    // A leading @ denotes the NUL of an abstract name.
    let name =
      address.hasPrefix("@")
      ? UnixSocketAddress(abstractName: String(address.dropFirst())) : UnixSocketAddress(path: address)
    guard let name, let descriptor = try? UnixSocketAddress.makeSocket(SOCK_DGRAM) else { return }
    defer { close(descriptor) }
    let bytes = Array(message.utf8)
    name.withSocketAddress { _ = sendto(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL), $0, $1) }
  }
}

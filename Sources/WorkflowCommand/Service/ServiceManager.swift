import Glibc

/// systemd, as a service of `Type=notify` talks to it: datagrams to the socket that `NOTIFY_SOCKET` names (`sd_notify(3)`).
/// Without a service manager every call does nothing.
struct ServiceManager: Sendable {
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
    let descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { return }
    defer { close(descriptor) }
    var name = sockaddr_un()
    name.sun_family = sa_family_t(AF_UNIX)
    // A leading @ stands for the NUL of an abstract socket.
    let path = address.hasPrefix("@") ? [0] + Array(address.utf8.dropFirst()) : Array(address.utf8)
    guard path.count < MemoryLayout.size(ofValue: name.sun_path) else { return }
    withUnsafeMutableBytes(of: &name.sun_path) { $0.copyBytes(from: path) }
    let size = socklen_t(MemoryLayout<sa_family_t>.size + path.count)
    let bytes = Array(message.utf8)
    withUnsafePointer(to: &name) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
        _ = sendto(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL), generic, size)
      }
    }
  }
}

import Glibc
import LinuxSupport

/// Why a server could not start.
///
/// Errors of peers are not among them: their connections are closed and logged.
public enum FastCGIError: Error, Equatable, CustomStringConvertible {
  /// The text is neither a path nor `HOST:PORT`.
  case malformedListener(String)
  /// Standard input is not a listening socket, as systemd or spawn-fcgi would provide.
  case standardInputDoesNotListen
  /// Another process is listening at this address.
  case addressInUse(String)
  /// There is a file at this path that is not a socket. It is not replaced.
  case notASocket(path: String)
  /// The path is longer than the 107 bytes that a unix socket allows.
  case pathTooLong(String)
  /// The host of a TCP listener has no address.
  case unknownHost(String)
  /// A system call failed; `code` is its `errno`.
  case system(call: String, code: Int32)

  /// A message for an operator.
  public var description: String {
    switch self {
    case .malformedListener(let text): "\"\(text)\" is neither the path of a socket nor HOST:PORT"
    case .standardInputDoesNotListen: "standard input is not a listening socket"
    case .addressInUse(let address): "another process is listening on \(address)"
    case .notASocket(let path): "\(path) exists and is not a socket"
    case .pathTooLong(let path): "\(path) is longer than the 107 bytes of a unix socket's path"
    case .unknownHost(let host): "the host \(host) has no address"
    case .system(let call, let code): "\(call): \(String(cString: strerror(code)))"
    }
  }

  /// A system call that failed.
  init(_ error: SystemCallError) { self = .system(call: error.call, code: error.code) }

  /// The failure of a system call that has just set `errno`.
  static func lastSystemError(_ call: String) -> Self { .system(call: call, code: errno) }
}

extension Waker {
  /// Makes a waker.
  static func make() throws(FastCGIError) -> Waker {
    do { return try Waker() } catch { throw FastCGIError(error) }
  }
}

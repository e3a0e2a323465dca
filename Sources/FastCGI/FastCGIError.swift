import Glibc
import LinuxSupport

/// Why a server could not be set up.
///
/// Nothing that a peer does ends up here: a connection that misbehaves is closed and logged.
public enum FastCGIError: Error, Equatable, CustomStringConvertible {
  /// The text is neither a path nor `HOST:PORT`.
  case malformedListener(String)
  /// Standard input is not a listening socket, so nobody started the process the way systemd or spawn-fcgi do.
  case standardInputDoesNotListen
  /// Another process is listening at this address.
  case addressInUse(String)
  /// There is something other than a socket at this path; it is left alone.
  case notASocket(path: String)
  /// A unix socket's path has at most 107 bytes.
  case pathTooLong(String)
  /// The host of a TCP listener has no address.
  case unknownHost(String)
  /// A system call failed; `code` is its `errno`.
  case system(call: String, code: Int32)

  /// One sentence for the person who started the process.
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
  static func lastSystemError(_ call: String) -> FastCGIError { .system(call: call, code: errno) }
}

extension Waker {
  /// Makes a waker.
  static func make() throws(FastCGIError) -> Waker {
    do { return try Waker() } catch { throw FastCGIError(error) }
  }
}

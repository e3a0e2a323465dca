import Glibc

/// A system call that failed.
public struct SystemCallError: Error, Equatable, CustomStringConvertible {
  /// The call's name, such as `pthread_create`.
  public let call: String
  /// Its `errno`.
  public let code: Int32

  /// The failure of a call that returned its error code.
  public init(_ call: String, code: Int32) {
    self.call = call
    self.code = code
  }

  /// The failure of a call that has just set `errno`.
  public static func last(_ call: String) -> Self { Self(call, code: errno) }

  /// Such as `eventfd: Too many open files`.
  public var description: String { "\(call): \(String(cString: strerror(code)))" }
}

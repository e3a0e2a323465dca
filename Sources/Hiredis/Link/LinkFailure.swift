import Glibc

/// Why a link is down, or does not come up.
struct LinkFailure: Error, Equatable, CustomStringConvertible {
  /// What happened, in words that end up in logs and in the errors of callers.
  let reason: String

  /// What an operator can do about it, if waiting alone will not help.
  let remedy: String?

  /// A failure that may pass by itself unless there is a remedy.
  init(_ reason: String, remedy: String? = nil) {
    self.reason = reason
    self.remedy = remedy
  }

  /// An error that Redis answered, with its remedy.
  init(_ error: RedisReplyError) {
    self.init(error.description, remedy: error.remedy)
  }

  /// Reason and remedy, for a log.
  var description: String { remedy.map { "\(reason); \($0)" } ?? reason }

  /// The failure that the C library's `errno` stands for.
  init(_ action: String, errno code: Int32) {
    self.init("\(action): \(String(cString: strerror(code)))")
  }
}

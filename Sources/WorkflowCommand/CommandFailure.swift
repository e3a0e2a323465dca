import ArgumentParser
import WorkflowStore

/// A command that did not do what it was asked: a sentence for the user, and an exit code.
struct CommandFailure: Error, CustomStringConvertible {
  /// The exit codes of `wf`: 0 for a run that finished, 64 for wrong usage (both from the argument parser), and these.
  /// From `sysexits.h` where it has one.
  enum Code: Int32, CaseIterable {
    /// The run failed, or something else for which there is no code.
    case failed = 1
    /// The body, or a filter, was refused.
    case dataError = 65
    /// A file, or a job, is not there.
    case noInput = 66
    /// The API cannot be reached, or Redis is away.
    case unavailable = 69
    /// The result cannot be written.
    case outputError = 74
    /// A limit is reached; retry later.
    case temporary = 75
    /// The API does not let the client do it: it wants another key, or one at all.
    case noPermission = 77
    /// A setting is wrong.
    case configuration = 78
    /// The command of `wf dev` cannot be run, as a shell says it.
    case notExecutable = 126
    /// The command of `wf dev` is not there, as a shell says it.
    case notFound = 127
  }

  let description: String
  let code: Code
  /// Whether the same may succeed a little later, as while the API or nginx restarts.
  let isTransient: Bool
  /// How long to wait before that, where the server says so.
  let retryAfter: Duration?

  /// A service that the data in Redis do not fit.
  init(_ mismatch: PartitionMismatch) { self.init("\(mismatch); \(mismatch.remedy)", code: .configuration) }

  init(_ description: String, code: Code = .failed, isTransient: Bool = false, retryAfter: Duration? = nil) {
    self.description = description
    self.code = code
    self.isTransient = isTransient
    self.retryAfter = retryAfter
  }
}

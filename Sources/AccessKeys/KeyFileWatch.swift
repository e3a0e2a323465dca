public import Logging
import Synchronization

/// Keeps the keys in force those of a file: it is looked at each second, and read again when it has changed.
///
/// While it cannot be read, or a line is wrong, the keys that were read last stay in force. When there have been none
/// yet, the lines that are right count.
public final class KeyFileWatch: Sendable {
  private struct State {
    /// What was read last, or seen without being readable.
    var read: KeyFile.Stamp?
    /// What was seen at the last look.
    var seen: KeyFile.Stamp?
    var problem: String?
  }

  /// The keys.
  public let ring = KeyRing()
  private let path: String
  private let logger: Logger
  private let state = Mutex(State())

  /// Reads a file. Without keys in it every request is refused until there are some.
  public init(_ path: String, logger: Logger) {
    self.path = path
    self.logger = logger
    look()
  }

  /// What an operator should know.
  public var warnings: [String] { state.withLock { [$0.problem].compactMap(\.self) } }

  /// Looks each second until its task is cancelled.
  public func run() async {
    while !Task.isCancelled {
      try? await Task.sleep(for: .seconds(1))
      look()
    }
  }

  /// Looks at the file, and reads it when that is due.
  func look() {
    let stamp = KeyFile.stamp(of: path)
    let isDue = state.withLock { state in
      defer { state.seen = stamp }
      // Not found or not accessible: the read says why, and succeeds once that is over.
      guard let stamp else { return true }
      if stamp == state.read { return false }
      // Somebody writes to the very file that was read: it is read when it has been the same for a second.
      return !(state.read.map(stamp.isRewrite) ?? false) || stamp == state.seen
    }
    if isDue { read() }
  }

  private func read() {
    do throws(KeyFile.Failure) {
      let (file, stamp) = try KeyFile.contents(of: path)
      if file.faults.isEmpty {
        let keys = file.keys
        if ring.isLoaded || !keys.isEmpty { ring.replace(with: keys) }
        logger.notice("keys read", metadata: ["file": "\(path)", "keys": "\(keys.count)"])
        note(keys.isEmpty ? "\(path): it has no key; every request is refused" : nil, stamp)
      } else if !ring.isLoaded, !file.keys.isEmpty {
        ring.replace(with: file.keys)
        note("\(path): \(KeyFileWatch.shown(file.faults)); the other lines are in force", stamp)
      } else {
        note("\(path): \(KeyFileWatch.shown(file.faults)); \(consequence)", stamp)
      }
    } catch {
      note("\(error); \(consequence)", nil)
    }
  }

  /// What becomes of a file that cannot be used.
  private var consequence: String {
    ring.isLoaded ? "the keys that were read last stay in force" : "every request is refused until there are keys"
  }

  /// The first faults; a file of another kind has thousands.
  private static func shown(_ faults: [String]) -> String {
    let rest = faults.count > 3 ? "; and \(faults.count - 3) more" : ""
    return faults.prefix(3).joined(separator: "; ") + rest
  }

  private func note(_ problem: String?, _ stamp: KeyFile.Stamp?) {
    let sentence = problem.map { "WF_API_KEYS_FILE: \($0)" }
    let before = state.withLock { state in
      defer {
        state.read = stamp
        state.problem = sentence
      }
      return state.problem
    }
    if let sentence, sentence != before { logger.error("\(sentence)") }
  }
}

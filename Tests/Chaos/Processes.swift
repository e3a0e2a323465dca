import Glibc
import Hiredis
import SystemHarness

/// The processes of a stack, by the names of their parts.
struct Processes: Sendable {
  let stack: Stack

  /// The process of a part, or one of nginx's workers; nil while there is none.
  func id(of part: String) -> Int32? {
    guard part != "nginx-worker" else { return nginxWorker }
    guard let id = try? stack.processID(of: part), isOurs(id) else { return nil }
    return id
  }

  /// Sends a signal to a process that is still the one it was; nginx dies with its workers, which would keep its port.
  func send(_ signal: Int32, to id: Int32, of part: String) {
    guard part == "nginx-worker" || isOurs(id) else { return }
    kill(part == "nginx" && signal == SIGKILL ? -id : id, signal)
  }

  /// Waits for the process that `wf dev` starts in place of one that has ended.
  /// - Returns: nil when none comes within a minute.
  func successor(of old: Int32, as part: String) async -> Int32? {
    try? await wait("another \(part)") { () -> Int32? in
      let new = id(of: part)
      return new == old ? nil : new
    }
  }

  /// Waits until Redis answers, for a minute at most.
  func redisAnswers() async -> Bool {
    let answer = try? await wait("Redis") { try? await stack.redis.send(["PING"], timeout: .seconds(1)) }
    return answer != nil
  }

  /// A number in a file may be that of another's process by now; every part's command line names the stack's folder,
  /// but that of a Redis which listens on a port, and that works in the folder.
  private func isOurs(_ id: Int32) -> Bool {
    let command = (try? Stack.read("/proc/\(id)/cmdline")) ?? []
    if String(decoding: command, as: UTF8.self).contains(stack.folder) { return true }
    guard let directory = realpath("/proc/\(id)/cwd", nil) else { return false }
    defer { free(directory) }
    return String(cString: directory).hasPrefix(stack.folder + "/")
  }

  private var nginxWorker: Int32? {
    guard let master = id(of: "nginx"), let text = try? Stack.read("/proc/\(master)/task/\(master)/children") else {
      return nil
    }
    return String(decoding: text, as: UTF8.self).split(separator: " ").compactMap { Int32($0) }.first
  }
}

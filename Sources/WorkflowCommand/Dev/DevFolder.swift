import ArgumentParser
import Glibc
import SystemPackage

/// The folder of a `wf dev`: sockets, configuration, logs, process ids, Redis's data.
struct DevFolder: Sendable {
  let path: String
  private let isTemporary: Bool
  /// Held as long as this process lives: two stacks in one folder would take each other's sockets and data.
  private let lock: FileDescriptor

  /// Makes the folder, or takes the one that is there.
  /// - Throws: a sentence for the user that names the folder.
  init(path given: String?) throws {
    do {
      try self.init(making: given)
    } catch let error as Errno {
      let name = given.map { "--data \($0)" } ?? "the folder for temporary files"
      throw CommandFailure("\(name): \(error)", code: .noInput)
    }
  }

  private init(making given: String?) throws {
    if let given {
      try Files.makeFolder(given)
      guard let absolute = realpath(given, nil) else { throw Errno(rawValue: errno) }
      defer { free(absolute) }
      path = String(cString: absolute)
    } else {
      path = try Files.makeTemporaryFolder()
    }
    isTemporary = given == nil
    guard path.utf8.count <= 80 else {
      throw ValidationError("--data \(path): the path is too long for the unix sockets in it (80 bytes)")
    }
    lock = try DevFolder.lock(path)
    removeProcessIDs()
    for name in ["bin", "log", "redis", "nginx"] { try Files.makeFolder("\(path)/\(name)") }
    try linkExecutable()
  }

  private static func lock(_ path: String) throws -> FileDescriptor {
    let file = try FileDescriptor.open(
      FilePath("\(path)/lock"), .readWrite, options: [.create, .closeOnExec], permissions: [.ownerReadWrite])
    guard flock(file.rawValue, LOCK_EX | LOCK_NB) == 0 else {
      throw CommandFailure("--data \(path): another wf dev runs there", code: .unavailable)
    }
    return file
  }

  /// Removes the process ids that a killed `wf dev` has left behind.
  private func removeProcessIDs() {
    for name in Files.entries(of: path) where name.hasSuffix(".pid") { unlink("\(path)/\(name)") }
  }

  /// Puts this program on the PATH of the command as `wf`.
  private func linkExecutable() throws {
    unlink("\(path)/bin/wf")
    guard symlink(try Files.executable(), "\(path)/bin/wf") == 0 else { throw Errno(rawValue: errno) }
  }

  var redisSocket: String { "\(path)/redis.sock" }
  func socket(of part: String) -> String { "\(path)/\(part).sock" }
  var nginxConfiguration: String { "\(path)/nginx/nginx.conf" }
  func log(of part: String) -> String { "\(path)/log/\(part).log" }
  func processID(of part: String) -> String { "\(path)/\(part).pid" }

  /// The last lines of a part's log.
  func tail(of part: String, lines: Int = 20) -> String {
    let text = (try? Files.read(log(of: part))).map { String(decoding: $0, as: UTF8.self) } ?? ""
    return text.split(separator: "\n").suffix(lines).map { "  \($0)" }.joined(separator: "\n")
  }

  /// Removes the folder if it was made for this time only.
  func removeIfTemporary() { if isTemporary { Files.removeFolder(path) } }
}

import Glibc
import SystemPackage
import Testing

/// The project's files, as far as they are text.
enum Tree {
  private static let root = FilePath(#filePath).removingLastComponent().removingLastComponent().removingLastComponent()

  /// The paths of all files of the folders below, from the root of the project on.
  static let files =
    ["Sources", "Tests", "systemd", "nginx", "findings"].flatMap(files) + ["Makefile", "Package.swift", "README.md"]

  /// The README and the pages.
  static let documents = files.filter { $0.hasSuffix(".md") && !$0.hasPrefix("Tests") && !$0.hasPrefix("findings") }

  /// The text of a file.
  static func text(_ path: String) throws -> String {
    let file = try #require(fopen(root.appending(path).string, "r"), "\(path)")
    defer { fclose(file) }
    var text: [UInt8] = []
    var piece = [UInt8](repeating: 0, count: 65_536)
    while case let count = fread(&piece, 1, piece.count, file), count > 0 { text += piece[..<count] }
    return String(decoding: text, as: UTF8.self)
  }

  /// The text of a page.
  static func page(_ name: String) throws -> String {
    try text("Sources/WorkflowCommand/WorkflowCommand.docc/\(name).md")
  }

  /// The cells of the rows of a table, by the first word of its head.
  static func table(headed head: String, in text: String) throws -> [[String]] {
    let lines = text.split(separator: "\n").map(String.init)
    let start = try #require(lines.firstIndex { $0.hasPrefix("| \(head) |") }, "a table headed \(head)")
    return lines[(start + 2)...].prefix { $0.hasPrefix("|") }.map { line in
      line.dropFirst(2).dropLast(2).split(separator: " | ", omittingEmptySubsequences: false).map(String.init)
    }
  }

  /// The texts between single backquotes.
  static func codeSpans(in text: some StringProtocol) -> [String] {
    String(text).matches(of: #/`([^`\n]+)`/#).map { String($0.1) }
  }

  /// The keys that the table in `Keys.swift` lists.
  static func keys() throws -> [(name: String, type: String, isPublic: Bool)] {
    var isPublic = false
    var keys: [(name: String, type: String, isPublic: Bool)] = []
    var waiting: String?
    for line in try text("Sources/WorkflowStore/Keys.swift").split(separator: "\n") where line.hasPrefix("///") {
      if line.hasPrefix("/// public") { isPublic = true }
      if line.hasPrefix("/// wf's own") { isPublic = false }
      if let match = line.firstMatch(of: #/^\/\/\/   ([a-z_]+[^ ]*)(?: +(string|hash|list|zset|channel) |.*)/#) {
        waiting = match.2 == nil ? String(match.1) : nil
        keys.append((String(match.1), String(match.2 ?? ""), isPublic))
      } else if waiting != nil, let match = line.firstMatch(of: #/^\/\/\/ {10,}(string|hash|list|zset) /#) {
        keys[keys.count - 1].type = String(match.1)
        waiting = nil
      }
    }
    return keys
  }

  private static func files(in folder: String) -> [String] {
    guard let directory = opendir(root.appending(folder).string) else { return [] }
    defer { closedir(directory) }
    var found: [String] = []
    while let entry = readdir(directory) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
        pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name.hasPrefix(".") { continue }
      let path = "\(folder)/\(name)"
      found += Int32(entry.pointee.d_type) == Int32(DT_DIR) ? files(in: path) : [path]
    }
    return found
  }
}

import Foundation

/// A directory that goes away with its last user.
final class TestDirectory: Sendable {
  let path: String

  init() {
    var template = Array("/tmp/fastcgi-XXXXXX".utf8CString)
    precondition(mkdtemp(&template) != nil, "a directory can be made")
    path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  func file(_ name: String) -> String { "\(path)/\(name)" }

  func write(_ text: String, to name: String) throws -> String {
    try text.write(toFile: file(name), atomically: true, encoding: .utf8)
    return file(name)
  }
}

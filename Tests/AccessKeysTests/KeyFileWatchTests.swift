import Glibc
import Logging
import Testing

@testable import AccessKeys

/// A file that is read again when it changes.
@Suite struct KeyFileWatchTests {
  private let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

  private func withFile(_ body: (String) throws -> Void) throws {
    var template = Array("/tmp/wf-keys-XXXXXX".utf8CString)
    _ = try #require(mkdtemp(&template))
    let folder = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    defer { system("rm -rf \(folder)") }
    try body("\(folder)/keys")
  }

  private func put(_ text: String, _ path: String) throws {
    let file = try #require(fopen(path, "w"))
    fputs(text, file)
    fclose(file)
  }

  private func line(_ name: String) -> String { AccessKey(name: name, secret: name).line + "\n" }

  @Test func `At the start the lines that are right count; without any there are no keys`() throws {
    try withFile { path in
      let watch = KeyFileWatch(path, logger: logger)
      #expect(!watch.ring.isLoaded)
      #expect(watch.warnings.first?.hasSuffix("every request is refused until there are keys") == true)
      for nothing in ["", "# none\n", "broken\n", line("a").dropLast().description] {
        try put(nothing, path)
        watch.look()
        watch.look()
        #expect(!watch.ring.isLoaded, "\(nothing)")
        #expect(watch.warnings.count == 1)
      }
      try put(line("a") + "broken\n", path)
      watch.look()
      watch.look()
      #expect(watch.ring.key(for: "a")?.name == "a")
      #expect(
        watch.warnings.first?.hasSuffix(
          "line 2: a name and the SHA-256 of a key are expected; the other lines are in force") == true)
      // From here on they stay.
      try put(line("b") + "broken\n", path)
      watch.look()
      watch.look()
      #expect(watch.ring.key(for: "a") != nil && watch.ring.key(for: "b") == nil)
    }
  }

  @Test func `A file that somebody writes is read when it has been the same for a look, a new one at once`() throws {
    try withFile { path in
      try put(line("a"), path)
      let watch = KeyFileWatch(path, logger: logger)
      try put(line("a") + line("b"), path)
      watch.look()
      #expect(watch.ring.key(for: "b") == nil)
      watch.look()
      #expect(watch.ring.key(for: "b") != nil)
      try KeyFile.update(path) { KeyFile.text(of: $0, adding: AccessKey(name: "c", secret: "c")) }
      watch.look()
      #expect(watch.ring.key(for: "c") != nil)
      #expect(watch.warnings == [])
    }
  }

  @Test func `The last key can be revoked, which is said`() throws {
    try withFile { path in
      try put(line("a"), path)
      let watch = KeyFileWatch(path, logger: logger)
      try KeyFile.update(path) { file in file?.text { $0.name == "a" } ?? [] }
      watch.look()
      #expect(watch.ring.isLoaded && watch.ring.key(for: "a") == nil)
      // The comment of a file without keys is its own.
      #expect(watch.warnings.count == 1)
    }
  }
}

import Glibc
import Testing

@testable import AccessKeys

/// The text of a keys file.
@Suite struct KeyFileTests {
  private static let digest = "5e884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef721d1542d8"

  private func file(_ text: String) -> KeyFile { KeyFile(Array(text.utf8)) }

  @Test func `A line has a name, a digest, a role and limits, in any order behind the digest`() throws {
    let file = file(
      """
      # who may

      \talice  \(Self.digest.uppercased())\t
      bob.b-1_ \(Self.digest.replacing("5e", with: "6e")) bytes=1 admin requests_s=50 runs=1000\r
      carol \(Self.digest.replacing("5e", with: "7e")) read

      """)
    #expect(file.faults == [])
    #expect(file.keys.map(\.name) == ["alice", "bob.b-1_", "carol"])
    #expect(file.keys.map(\.role) == [.user, .admin, .read])
    #expect(file.keys[0].digest == AccessKey(name: "x", secret: "password").digest)
    #expect(file.keys[0].limits == .init())
    #expect(file.keys[1].limits == .init(requests: 50, runs: 1_000, bytes: 1))
  }

  @Test(arguments: [
    ("alice", "line 1: a name and the SHA-256"), ("-a DIGEST", "line 1: the name is not 1 to 64"),
    ("a/b DIGEST", "line 1: the name"), ("ä DIGEST", "line 1: the name"),
    (String(repeating: "a", count: 65) + " DIGEST", "line 1: the name"),
    ("alice wf_0123456789012345678901234567890123456789", "line 1: the second word is no SHA-256"),
    ("alice DIGEST0", "line 1: the second word"), ("alice 0DIGEST", "line 1: the second word"),
    ("alice DIGEST writer", "line 1: a word is neither a role"), ("alice DIGEST user read", "line 1: it has two roles"),
    ("alice DIGEST runs=", "line 1: runs is no whole number"), ("alice DIGEST runs=0", "line 1: runs"),
    ("alice DIGEST runs=-1", "line 1: runs"), ("alice DIGEST runs=1e3", "line 1: runs"),
    ("alice DIGEST bytes=99999999999999999999", "line 1: bytes"), ("alice DIGEST bytes=1MiB", "line 1: bytes"),
    ("alice DIGEST runs=1 runs=1", "line 1: runs comes twice"), ("alice DIGEST rums=1", "line 1: a word"),
    ("#\nalice DIGEST\nbob DIGEST", "line 3: it has the key of line 2"),
  ])
  func `A malformed line is named by its number, and not repeated`(text: String, fault: String) {
    let file = file(text.replacing("DIGEST", with: Self.digest) + "\n")
    #expect(file.faults.count == 1)
    #expect(file.faults.first?.hasPrefix(fault) == true, "\(file.faults)")
    #expect(file.faults.first?.contains("wf_0") == false)
  }

  @Test func `A file that is written in part is faulty, wherever it ends`() {
    let whole = "# keys\nalice \(Self.digest) read requests_s=100\n"
    for end in 0..<whole.utf8.count where end != "# keys\n".utf8.count {
      #expect(!KeyFile(Array(whole.utf8.prefix(end))).faults.isEmpty, "\(end)")
    }
    #expect(file(whole).faults == [])
    #expect(file("\u{0}\u{0}\n").faults.count == 1)
  }

  @Test func `What is not changed stays as it is`() throws {
    let text = "# one\n alice  \(Self.digest)  # not a comment\n"
    #expect(file(text).faults.count == 1)
    let bob = AccessKey(name: "bob", secret: "b", role: .read, limits: .init(runs: 2))
    let good = "# one\r\n alice  \(Self.digest) \n\n#two\n"
    let added = KeyFile.text(of: file(good), adding: bob)
    #expect(String(decoding: added, as: UTF8.self) == good + "bob \(bob.digestText) read runs=2\n")
    let back = KeyFile(added).text { $0.name == "bob" }
    #expect(String(decoding: back, as: UTF8.self) == good)
    let first = String(decoding: KeyFile.text(of: nil, adding: bob), as: UTF8.self)
    #expect(first.hasPrefix("# ") && KeyFile(Array(first.utf8)).keys == [bob])
  }

  @Test func `A new key has 160 bits that no other has`() {
    let keys = (0..<100).map { _ in AccessKey.newSecret() }
    #expect(Set(keys).count == 100)
    for key in keys { #expect(key.wholeMatch(of: #/wf_[0-9a-f]{40}/#) != nil) }
  }

  // MARK: On the disk

  private func withFolder(_ body: (String) throws -> Void) throws {
    var template = Array("/tmp/wf-keys-XXXXXX".utf8CString)
    _ = try #require(mkdtemp(&template))
    let folder = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    defer { system("rm -rf \(folder)") }
    try body(folder)
  }

  @Test func `A change keeps owner, group and mode, and a link a link`() throws {
    try withFolder { folder in
      let path = "\(folder)/keys"
      try KeyFile.update(path) { _ in Array("# a\n".utf8) }
      chmod(path, 0o604)
      if geteuid() == 0 { chown(path, 1, 2) }
      symlink("keys", "\(folder)/link")
      try KeyFile.update("\(folder)/link") { file in
        KeyFile.text(of: file, adding: AccessKey(name: "a", secret: "a"))
      }
      var status = stat()
      #expect(lstat("\(folder)/link", &status) == 0 && status.st_mode & S_IFMT == S_IFLNK)
      #expect(stat(path, &status) == 0 && status.st_mode & 0o7777 == 0o604)
      if geteuid() == 0 { #expect(status.st_uid == 1 && status.st_gid == 2) }
      #expect(try KeyFile.read(path).keys.map(\.name) == ["a"])
    }
  }

  @Test func `Two that change a file at once do not lose each other's keys, and no draft is left`() async throws {
    var template = Array("/tmp/wf-keys-XXXXXX".utf8CString)
    _ = try #require(mkdtemp(&template))
    let folder = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    defer { system("rm -rf \(folder)") }
    let path = "\(folder)/keys"
    try await withThrowingTaskGroup(of: Void.self) { group in
      for number in 0..<20 {
        group.addTask {
          try KeyFile.update(path) { file in
            KeyFile.text(of: file, adding: AccessKey(name: "n\(number)", secret: "s\(number)"))
          }
        }
      }
      try await group.waitForAll()
    }
    #expect(Set(try KeyFile.read(path).keys.map(\.name)) == Set((0..<20).map { "n\($0)" }))
    let names = try #require(popen("ls \(folder)", "r"))
    defer { pclose(names) }
    var line = [CChar](repeating: 0, count: 100)
    #expect(fgets(&line, 100, names) != nil && line.starts(with: "keys\n".utf8CString.dropLast()))
    #expect(fgets(&line, 100, names) == nil)
  }

  @Test func `What is no file of keys is refused with its path`() throws {
    try withFolder { folder in
      mkfifo("\(folder)/pipe", 0o600)
      for (path, isMissing) in [("\(folder)/none", true), ("\(folder)/pipe", false), (folder, false)] {
        do throws(KeyFile.Failure) {
          _ = try KeyFile.read(path)
          Issue.record("\(path) is read")
        } catch {
          #expect(error.isMissing == isMissing)
          #expect(error.description.hasPrefix("\(path): "))
        }
      }
      #expect(throws: KeyFile.Failure.self) { try KeyFile.update("\(folder)/none/keys") { _ in [] } }
    }
  }
}

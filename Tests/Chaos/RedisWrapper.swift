import Glibc
import RedisFixture
import SystemPackage

/// A folder with a `redis-server` that starts the real one under a clock.
final class RedisWrapper: Sendable {
  private let folder: String

  /// A wrapper in a folder of its own under `/tmp`.
  init(_ clock: FakeClock) throws {
    var template = Array("/tmp/wrapper-XXXXXX".utf8CString)
    precondition(mkdtemp(&template) != nil, "cannot make a folder under /tmp")
    folder = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    let variables = clock.environment.map { "\($0)='\($1)'" }.joined(separator: " ")
    let script = "#!/bin/sh\nexec env \(variables) \(RedisServer.executable) \"$@\"\n"
    let file = try FileDescriptor.open(
      FilePath("\(folder)/redis-server"), .writeOnly, options: [.create],
      permissions: [.ownerReadWriteExecute])
    _ = try file.closeAfter { try file.writeAll(script.utf8) }
  }

  deinit {
    unlink("\(folder)/redis-server")
    rmdir(folder)
  }

  /// A `PATH` on which it comes first.
  var path: String { folder + ":" + (getenv("PATH").map { String(cString: $0) } ?? "/usr/bin:/bin") }
}

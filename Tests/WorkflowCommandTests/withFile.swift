import Glibc
import SystemPackage

/// Runs a body with the path of a file that has a text, and is removed afterwards.
func withFile<Result>(_ text: String, _ body: (_ path: String) throws -> Result) throws -> Result {
  var template = Array("/tmp/wf-file-XXXXXX".utf8CString)
  let descriptor = mkstemp(&template)
  guard descriptor >= 0 else { throw Errno(rawValue: errno) }
  let path = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
  defer { unlink(path) }
  let file = FileDescriptor(rawValue: descriptor)
  _ = try file.closeAfter { try file.writeAll(text.utf8) }
  return try body(path)
}

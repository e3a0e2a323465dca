import Glibc
import SystemPackage

/// Whole files, read and written.
enum Files {
  /// Reads a file, or standard input for a path of `-`.
  /// - Parameter limit: bytes beyond which it is refused.
  static func read(_ path: String, limit: Int = 1 << 30) throws -> [UInt8] {
    do {
      if path == "-" { return try read(.standardInput, limit) }
      let file = try FileDescriptor.open(FilePath(path), .readOnly)
      return try file.closeAfter { try read(file, limit) }
    } catch let error as Errno {
      throw CommandFailure("\(path): \(error)", code: .noInput)
    }
  }

  private static func read(_ file: FileDescriptor, _ limit: Int) throws -> [UInt8] {
    var bytes: [UInt8] = []
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 16, alignment: 1)
    defer { buffer.deallocate() }
    while true {
      let count = try file.read(into: buffer)
      if count == 0 { return bytes }
      bytes += buffer[..<count]
      guard bytes.count <= limit else { throw CommandFailure("more than \(limit) bytes to read", code: .dataError) }
    }
  }

  /// Writes a file, readable by its owner; a reader sees the old text or the new.
  static func write(_ text: String, to path: String) throws {
    do {
      let draft = path + ".new"
      let file = try FileDescriptor.open(
        FilePath(draft), .writeOnly, options: [.create, .truncate], permissions: [.ownerReadWrite])
      _ = try file.closeAfter { try file.writeAll(text.utf8) }
      guard rename(draft, path) == 0 else { throw Errno(rawValue: errno) }
    } catch let error as Errno {
      throw CommandFailure("\(path): \(error)", code: .outputError)
    }
  }

  /// Makes a new folder under the folder for temporary files.
  static func makeTemporaryFolder() throws -> String {
    // Unix sockets live in it, whose paths may have 107 bytes.
    var template = Array("/tmp/wf-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw Errno(rawValue: errno) }
    return String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  /// Makes a folder unless it is there.
  static func makeFolder(_ path: String) throws {
    if mkdir(path, 0o755) != 0 && errno != EEXIST { throw Errno(rawValue: errno) }
  }

  /// Removes a folder and all that is in it.
  static func removeFolder(_ path: String) {
    for name in entries(of: path) {
      let entry = "\(path)/\(name)"
      // A link to a folder is removed, not followed.
      if unlink(entry) != 0 { removeFolder(entry) }
    }
    rmdir(path)
  }

  /// The names in a folder.
  static func entries(of path: String) -> [String] {
    guard let folder = opendir(path) else { return [] }
    defer { closedir(folder) }
    var names: [String] = []
    while let entry = readdir(folder) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
        pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name != "." && name != ".." { names.append(name) }
    }
    return names
  }

  /// The path of this program.
  static func executable() throws -> String {
    guard let path = realpath("/proc/self/exe", nil) else { throw Errno(rawValue: errno) }
    defer { free(path) }
    return String(cString: path)
  }
}

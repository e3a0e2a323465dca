import Glibc
import LinuxSupport

extension KeyFile {
  /// Why a file cannot be read or written, in a sentence that names it.
  public struct Failure: Error, Equatable, CustomStringConvertible {
    /// The sentence.
    public let description: String
    /// Whether the file is not there.
    public let isMissing: Bool

    /// A sentence.
    public init(_ description: String, isMissing: Bool = false) {
      self.description = description
      self.isMissing = isMissing
    }

    fileprivate init(_ path: String, code: Int32) {
      self.init("\(path): \(String(cString: strerror(code)))", isMissing: code == ENOENT || code == ENOTDIR)
    }
  }

  /// Identifies a file and its version: the file has changed if any field has.
  struct Stamp: Equatable, Sendable {
    let device: UInt64
    let inode: UInt64
    let size: Int
    let mode: UInt32
    let modified: [Int]
    let changed: [Int]

    fileprivate init(_ status: stat) {
      device = UInt64(status.st_dev)
      inode = UInt64(status.st_ino)
      size = Int(status.st_size)
      mode = status.st_mode
      modified = [status.st_mtim.tv_sec, status.st_mtim.tv_nsec]
      changed = [status.st_ctim.tv_sec, status.st_ctim.tv_nsec]
    }

    /// Whether it is the same file with another content, as when an editor writes in place.
    func isRewrite(of other: Self) -> Bool {
      device == other.device && inode == other.inode && (size != other.size || modified != other.modified)
    }
  }

  /// The stamp of the file at a path; nil where it cannot be read.
  static func stamp(of path: String) -> Stamp? {
    var status = stat()
    return stat(path, &status) == 0 ? Stamp(status) : nil
  }

  /// Reads a file.
  public static func read(_ path: String) throws(Failure) -> KeyFile { try contents(of: path).file }

  /// Reads a file, and what it was when it was read; no stamp if it changed meanwhile.
  static func contents(of path: String) throws(Failure) -> (file: KeyFile, stamp: Stamp?) {
    // A pipe without a writer would keep the caller waiting.
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { throw Failure(path, code: errno) }
    defer { close(descriptor) }
    let before = try status(of: descriptor, path)
    guard before.st_mode & S_IFMT == S_IFREG else { throw Failure("\(path): it is no file") }
    var bytes: [UInt8] = []
    var piece = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = Glibc.read(descriptor, &piece, piece.count)
      if count == 0 { break }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { throw Failure(path, code: errno) }
      bytes += piece[..<count]
      guard bytes.count <= longest else { throw Failure("\(path): it has more than \(longest) bytes") }
    }
    let (first, last) = (Stamp(before), Stamp(try status(of: descriptor, path)))
    return (KeyFile(bytes), first == last ? last : nil)
  }

  private static func status(of descriptor: Int32, _ path: String) throws(Failure) -> stat {
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw Failure(path, code: errno) }
    return status
  }

  // MARK: Changing

  /// Changes a file: no two processes at once, and a reader sees the old text or the new one. Owner, group and
  /// mode stay. A file that is not there is made, readable by the group `wf` where there is one and root makes it.
  /// - Parameter change: is given the file, nil where there is none, and returns the new text.
  public static func update<Failed: Error>(
    _ path: String, _ change: (KeyFile?) throws(Failed) -> [UInt8]
  ) throws {
    // A link stays one: what it leads to is replaced.
    let resolved = realpath(path, nil).map { pointer in
      defer { free(pointer) }
      return String(cString: pointer)
    }
    let target = resolved ?? path
    let folder = target.utf8.lastIndex(of: UInt8(ascii: "/")).map { String(target[..<$0]) + "/" } ?? "./"
    let lock = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard lock >= 0 else { throw Failure(folder, code: errno) }
    defer { close(lock) }
    while flock(lock, LOCK_EX) != 0 { guard errno == EINTR else { throw Failure(folder, code: errno) } }
    let old: KeyFile?
    do throws(Failure) { old = try read(target) } catch {
      guard error.isMissing else { throw error }
      old = nil
    }
    try replace(target, with: try change(old))
    // The name is on the disk, too.
    fsync(lock)
  }

  private static func replace(_ path: String, with bytes: [UInt8]) throws(Failure) {
    var template = Array("\(path).new-XXXXXX".utf8CString)
    let descriptor = mkstemp(&template)
    let draft = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    guard descriptor >= 0 else { throw Failure(draft, code: errno) }
    var isDone = false
    defer {
      close(descriptor)
      if !isDone { unlink(draft) }
    }
    try takeRights(of: path, descriptor)
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
      guard count >= 0 || errno == EINTR else { throw Failure(draft, code: errno) }
      rest = rest.dropFirst(max(0, count))
    }
    guard fsync(descriptor) == 0 else { throw Failure(draft, code: errno) }
    guard rename(draft, path) == 0 else { throw Failure(path, code: errno) }
    isDone = true
  }

  /// Gives a new file owner, group and mode of the one that it replaces.
  private static func takeRights(of path: String, _ descriptor: Int32) throws(Failure) {
    var status = stat()
    if stat(path, &status) == 0 {
      let own = try KeyFile.status(of: descriptor, path)
      let isSame = own.st_uid == status.st_uid && own.st_gid == status.st_gid
      guard isSame || fchown(descriptor, status.st_uid, status.st_gid) == 0 else {
        throw Failure("\(path): only its owner may replace it, and keep it what it is")
      }
      guard fchmod(descriptor, status.st_mode & 0o7777) == 0 else { throw Failure(path, code: errno) }
    } else if geteuid() == 0, let group = getgrnam("wf") {
      // wf-api has this group beside its own user.
      guard fchown(descriptor, 0, group.pointee.gr_gid) == 0, fchmod(descriptor, 0o640) == 0 else {
        throw Failure(path, code: errno)
      }
    }
  }
}

import Glibc
import LinuxSupport

/// A folder of TZif files, of which each is named after its zone.
public struct TimeZoneFolder: Sendable {
  /// Where Debian's package tzdata has its files.
  public static let system = TimeZoneFolder(path: "/usr/share/zoneinfo")

  private let path: String

  /// Many times the largest file of the IANA's data.
  private static let mostBytes = 256 << 10
  private static let longestName = 100

  /// A folder by its path.
  public init(path: String) { self.path = path }

  /// Reads the zone of a name, such as `Europe/Berlin`; nothing is kept, so a second call sees data that have changed.
  ///
  /// `UTC` needs no file.
  public func zone(named name: String) throws(TimeZoneError) -> TimeZoneData {
    guard TimeZoneFolder.isName(name) else { throw .invalidName(name) }
    if name == TimeZoneData.utc.name { return .utc }
    return try TimeZoneData(name: name, bytes: read(name))
  }

  /// Whether a text has the form of the IANA's names: parts of letters, digits, `-`, `_` and `+`, divided by `/`, each
  /// of which begins with a capital letter. Such a name leads neither out of the folder nor to `posix/`, `right/`,
  /// `localtime` and lists, which are no zones of the IANA.
  static func isName(_ text: String) -> Bool {
    let bytes = text.utf8
    guard (1...longestName).contains(bytes.count) else { return false }
    return bytes.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false).allSatisfy { part in
      guard let first = part.first, isCapital(first) else { return false }
      return part.allSatisfy { isCapital($0) || isCapital($0 & ~0x20) || isDigit($0) || "-_+".utf8.contains($0) }
    }
  }

  private static func isCapital(_ byte: UInt8) -> Bool { (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) }

  private static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }

  private func read(_ name: String) throws(TimeZoneError) -> [UInt8] {
    let file = open("\(path)/\(name)", O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard file >= 0 else { throw refusal(name) }
    defer { close(file) }
    var status = stat()
    guard fstat(file, &status) == 0 else { throw unreadable(name, "fstat") }
    // A folder is no zone: Europe is none.
    guard status.st_mode & S_IFMT == S_IFREG else { throw .unknown(name) }
    guard status.st_size <= TimeZoneFolder.mostBytes else {
      throw .malformed(name: name, reason: "\(status.st_size) bytes are too many")
    }
    var bytes = [UInt8](repeating: 0, count: Int(status.st_size))
    var count = 0
    while count < bytes.count {
      let got = bytes.withUnsafeMutableBytes { Glibc.read(file, $0.baseAddress?.advanced(by: count), $0.count - count) }
      if got < 0, errno == EINTR { continue }
      guard got >= 0 else { throw unreadable(name, "read") }
      if got == 0 { break }
      count += got
    }
    return Array(bytes.prefix(count))
  }

  /// The error for an `open` that has just failed.
  private func refusal(_ name: String) -> TimeZoneError {
    guard errno == ENOENT || errno == ENOTDIR else { return unreadable(name, "open") }
    return access(path, F_OK) == 0 ? .unknown(name) : .noFolder(path)
  }

  private func unreadable(_ name: String, _ call: String) -> TimeZoneError {
    .unreadable(name: name, reason: SystemCallError.last(call).description)
  }
}

/// The text of a keys file: a line per key, comments and empty lines.
public struct KeyFile: Sendable {
  /// The most bytes that are read: some 100,000 keys.
  public static let longest = 16 << 20

  /// A line, without its end.
  struct Line: Sendable {
    let bytes: ArraySlice<UInt8>
    /// Its key; nil for comments, empty lines and lines that are wrong.
    let key: AccessKey?
  }

  /// The lines, but for one that has no end.
  let lines: [Line]
  /// What is wrong, a sentence each, with the number of the line.
  public let faults: [String]
  /// The keys of the lines that are right, in order.
  public var keys: [AccessKey] { lines.compactMap(\.key) }

  /// Reads a text.
  public init(_ bytes: [UInt8]) {
    let newline = UInt8(ascii: "\n")
    var faults: [String] = []
    var lines: [Line] = []
    var known: [[UInt8]: Int] = [:]
    for text in bytes.split(separator: newline, omittingEmptySubsequences: false).dropLast() {
      let number = lines.count + 1
      var key: AccessKey?
      do throws(AccessKey.Malformed) {
        key = try KeyFile.key(in: text)
        if let digest = key?.digest {
          if let other = known[digest] { throw .init("it has the key of line \(other)") }
          known[digest] = number
        }
      } catch {
        key = nil
        faults.append("line \(number): \(error.sentence)")
      }
      lines.append(Line(bytes: text, key: key))
    }
    if bytes.isEmpty {
      faults.append("it is empty; one without keys has a comment")
    } else if bytes.last != newline {
      faults.append("its last line has no end: it is written in part, or a line end is missing")
    }
    self.lines = lines
    self.faults = faults
  }

  /// The key of a line; nil for a comment and for an empty line.
  private static func key(in line: ArraySlice<UInt8>) throws(AccessKey.Malformed) -> AccessKey? {
    // Editors of other systems end lines by CR and LF.
    let text = line.last == UInt8(ascii: "\r") ? line.dropLast() : line
    let words = text.split { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }
    guard let first = words.first, first.first != UInt8(ascii: "#") else { return nil }
    return try AccessKey(words: words.map { String(decoding: $0, as: UTF8.self) })
  }
}

import Glibc

/// The FastCGI parameters of a request.
///
/// A buffer with linear search is faster than a dictionary: a request has about 25 pairs, and a handler reads four.
struct RequestParameters: Sendable {
  /// `NAME=value` and a NUL for each pair, in order.
  private let bytes: [UInt8]

  /// Copies libfcgi's list, which ends with a null pointer.
  init(copying list: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?) {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(1 << 10)
    var next = list
    while let entry = next?.pointee {
      bytes.append(contentsOf: UnsafeRawBufferPointer(start: entry, count: strlen(entry) + 1))
      next = next?.advanced(by: 1)
    }
    self.bytes = bytes
  }

  /// Creates parameters from pairs.
  init(_ pairs: [(name: String, value: String)]) {
    bytes = pairs.flatMap { Array("\($0.name)=\($0.value)".utf8) + [0] }
  }

  /// The first value of a name.
  subscript(name: String) -> String? {
    var name = name
    return name.withUTF8 { key in
      bytes.withUnsafeBytes { bytes in
        var rest = bytes
        return nextValue(of: UnsafeRawBufferPointer(key), in: &rest).map { String(decoding: $0, as: UTF8.self) }
      }
    }
  }

  /// All values of a name, in order.
  func values(of name: String) -> [String] {
    var name = name
    return name.withUTF8 { key in
      bytes.withUnsafeBytes { bytes in
        var rest = bytes
        var values: [String] = []
        while let value = nextValue(of: UnsafeRawBufferPointer(key), in: &rest) {
          values.append(String(decoding: value, as: UTF8.self))
        }
        return values
      }
    }
  }

  /// The name of the parameter for an HTTP header: `HTTP_IF_NONE_MATCH` for `If-None-Match`.
  static func name(ofHeader header: String) -> String {
    let prefix = "HTTP_"
    let name = String(unsafeUninitializedCapacity: prefix.utf8.count + header.utf8.count) { name in
      _ = name.initialize(from: prefix.utf8)
      header.utf8.span.withUnsafeBufferPointer { header in
        for (index, character) in header.enumerated() {
          name[prefix.utf8.count + index] = parameterCharacter(character)
        }
      }
      return name.count
    }
    return switch name {
    case "HTTP_CONTENT_TYPE": "CONTENT_TYPE"
    case "HTTP_CONTENT_LENGTH": "CONTENT_LENGTH"
    default: name
    }
  }

  private static func parameterCharacter(_ character: UInt8) -> UInt8 {
    switch character {
    case UInt8(ascii: "-"): UInt8(ascii: "_")
    case UInt8(ascii: "a")...UInt8(ascii: "z"): character - 32
    default: character
    }
  }

  /// Finds the first pair of a name in `rest`, and advances `rest` behind it.
  private func nextValue(
    of key: UnsafeRawBufferPointer, in rest: inout UnsafeRawBufferPointer
  ) -> UnsafeRawBufferPointer? {
    // Every pair ends with a NUL, so none reaches past the buffer.
    while let start = rest.baseAddress, !rest.isEmpty {
      let pair = rest
      let length = strlen(start.assumingMemoryBound(to: CChar.self))
      rest = UnsafeRawBufferPointer(rebasing: rest[(length + 1)...])
      if length > key.count, pair[key.count] == UInt8(ascii: "="), isEqual(start, key) {
        return UnsafeRawBufferPointer(rebasing: pair[(key.count + 1)..<length])
      }
    }
    return nil
  }

  private func isEqual(_ start: UnsafeRawPointer, _ key: UnsafeRawBufferPointer) -> Bool {
    guard let name = key.baseAddress else { return true }
    return memcmp(start, name, key.count) == 0
  }
}

import Glibc

/// A text as a dictionary key, equal to another if both have the same Unicode scalars.
///
/// Use it to look up any text of a client. `String` hashes and compares canonical forms, which takes quadratic time for
/// runs of combining marks.
package struct ExactKey: Hashable, Sendable {
  /// The text.
  package let text: String

  /// Creates a key.
  package init(_ text: String) { self.text = text }

  /// Compares bytes, not canonical forms.
  package static func == (left: ExactKey, right: ExactKey) -> Bool {
    left.text.hasSameScalars(as: right.text)
  }

  /// Hashes the bytes; the hasher's seed is unknown to clients.
  package func hash(into hasher: inout Hasher) {
    text.utf8.span.withUnsafeBufferPointer { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
  }
}

extension String {
  /// Whether both texts consist of the same Unicode scalars.
  ///
  /// `==` compares canonical equivalence: a composed and a decomposed `é` are equal, and runs of combining marks take
  /// quadratic time, which a hostile document could extend to minutes.
  package func hasSameScalars(as other: String) -> Bool {
    guard utf8.count == other.utf8.count else { return false }
    return utf8.span.withUnsafeBufferPointer { mine in
      other.utf8.span.withUnsafeBufferPointer { theirs in
        // Empty buffers have no address.
        guard let one = mine.baseAddress, let two = theirs.baseAddress else { return true }
        return memcmp(one, two, mine.count) == 0
      }
    }
  }

  /// The text, or its beginning and `…` if it is longer than a number of bytes in UTF-8. Scalars are not split.
  package func cut(toBytes limit: Int) -> String {
    guard utf8.count > limit else { return self }
    let bytes = utf8.span
    var end = limit
    while end > 0, bytes[end] & 0b1100_0000 == 0b1000_0000 { end -= 1 }
    return String(decoding: utf8.prefix(end), as: UTF8.self) + "…"
  }
}

import Glibc

/// A text as the key of a dictionary: equal to another when both have the same scalars.
///
/// Use it for every look-up of a text that a client wrote. `String` hashes and compares canonical forms, which takes
/// quadratic time for runs of combining marks.
package struct ExactKey: Hashable, Sendable {
  /// The text, for a member's key with its escapes resolved.
  package let text: String

  /// The key of a text.
  package init(_ text: String) { self.text = text }

  /// Compares bytes, never canonical forms.
  package static func == (left: ExactKey, right: ExactKey) -> Bool {
    left.text.hasSameScalars(as: right.text)
  }

  /// Feeds the bytes of the key to the hasher, whose seed no client knows.
  package func hash(into hasher: inout Hasher) {
    text.utf8.span.withUnsafeBufferPointer { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
  }
}

extension String {
  /// True when both consist of the same Unicode scalars.
  ///
  /// `==` compares up to canonical equivalence: it would hold a composed and a decomposed `é` for the same, and to find
  /// out it sorts runs of combining marks in quadratic time, which a hostile document could make last for minutes.
  package func hasSameScalars(as other: String) -> Bool {
    guard utf8.count == other.utf8.count else { return false }
    return utf8.span.withUnsafeBufferPointer { mine in
      other.utf8.span.withUnsafeBufferPointer { theirs in
        // Where there are no bytes there is no address either.
        guard let one = mine.baseAddress, let two = theirs.baseAddress else { return true }
        return memcmp(one, two, mine.count) == 0
      }
    }
  }

  /// The text, or where it is longer than so many bytes of UTF-8 its beginning and `…`; a scalar is never cut in two.
  package func cut(toBytes limit: Int) -> String {
    guard utf8.count > limit else { return self }
    let bytes = utf8.span
    var end = limit
    while end > 0, bytes[end] & 0b1100_0000 == 0b1000_0000 { end -= 1 }
    return String(decoding: utf8.prefix(end), as: UTF8.self) + "…"
  }
}

import Glibc

/// A key of an object's index: equal to another when both have the same scalars.
struct ExactKey: Hashable {
  /// The key, with its escapes resolved.
  let text: String

  /// Compares bytes, never canonical forms.
  static func == (left: ExactKey, right: ExactKey) -> Bool {
    left.text.hasSameScalars(as: right.text)
  }

  /// Feeds the bytes of the key to the hasher, whose seed no client knows.
  func hash(into hasher: inout Hasher) {
    text.utf8.span.withUnsafeBufferPointer { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
  }
}

extension String {
  /// True when both consist of the same Unicode scalars.
  ///
  /// `==` compares up to canonical equivalence: it would hold a composed and a decomposed `é` for the same, and to find
  /// out it sorts runs of combining marks in quadratic time, which a hostile document could make last for minutes.
  func hasSameScalars(as other: String) -> Bool {
    guard utf8.count == other.utf8.count else { return false }
    return utf8.span.withUnsafeBufferPointer { mine in
      other.utf8.span.withUnsafeBufferPointer { theirs in
        // Where there are no bytes there is no address either.
        guard let one = mine.baseAddress, let two = theirs.baseAddress else { return true }
        return memcmp(one, two, mine.count) == 0
      }
    }
  }
}

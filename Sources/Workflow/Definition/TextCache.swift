import Glibc
import Synchronization

/// What texts were read as, by their bytes, so that a text which comes again is not read again: many runs are of the
/// same workflow. It forgets everything when it is full, and takes no long text.
public final class TextCache<Value: Sendable>: Sendable {
  private struct Text: Hashable {
    let bytes: [UInt8]

    static func == (one: Text, other: Text) -> Bool {
      one.bytes.count == other.bytes.count
        && one.bytes.withUnsafeBytes { mine in
          other.bytes.withUnsafeBytes { theirs in
            guard let first = mine.baseAddress, let second = theirs.baseAddress else { return true }
            return memcmp(first, second, mine.count) == 0
          }
        }
    }

    /// Of the end alone: texts that end alike are few, and are compared.
    func hash(into hasher: inout Hasher) {
      hasher.combine(bytes.count)
      bytes.withUnsafeBytes { hasher.combine(bytes: UnsafeRawBufferPointer(rebasing: $0.suffix(64))) }
    }
  }

  private let capacity: Int
  private let longest: Int
  private let values = Mutex<[Text: Value]>([:])

  /// A cache of at most `capacity` texts, none of which is longer than `longest` bytes.
  public init(capacity: Int = 64, longest: Int = 16_384) {
    self.capacity = capacity
    self.longest = longest
  }

  /// What the text was read as, if it is known.
  public func value(of bytes: [UInt8]) -> Value? {
    bytes.count > longest ? nil : values.withLock { $0[Text(bytes: bytes)] }
  }

  /// Keeps what the text was read as.
  public func keep(_ value: Value, of bytes: [UInt8]) {
    if bytes.count > longest { return }
    values.withLock { values in
      if values.count >= capacity { values.removeAll(keepingCapacity: true) }
      values[Text(bytes: bytes)] = value
    }
  }
}

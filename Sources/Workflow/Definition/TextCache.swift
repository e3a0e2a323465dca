import Synchronization

/// What texts were read as, by their bytes, so that a text which comes again is not read again: many runs are of the
/// same workflow. It forgets everything when it is full, and takes no long text.
public final class TextCache<Value: Sendable>: Sendable {
  private struct Text: Hashable {
    let bytes: [UInt8]

    func hash(into hasher: inout Hasher) {
      bytes.withUnsafeBytes { hasher.combine(bytes: $0) }
    }
  }

  private let capacity: Int
  private let longest: Int
  private let values = Mutex<[Text: Value]>([:])

  /// A cache of so many texts, none of which is longer than so many bytes.
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

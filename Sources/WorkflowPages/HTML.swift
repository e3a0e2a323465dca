/// HTML that is being written (WHATWG HTML, section 13.1).
///
/// Names of elements and attributes are those of the source code; every text and every value of an attribute is
/// escaped, so nothing that a client has sent becomes markup.
public struct HTML: Sendable {
  /// Attributes in order; one without a value (nil) is left out.
  public typealias Attributes = KeyValuePairs<StaticString, String?>

  /// What is written so far, in UTF-8.
  public private(set) var bytes: [UInt8] = []

  /// Nothing.
  public init() {}

  /// Adds a text.
  public mutating func text(_ text: String) { escape(text.utf8) }

  /// Adds a text that is there as UTF-8.
  public mutating func text(bytes text: some Sequence<UInt8>) { escape(text) }

  /// Adds an element with what the closure writes.
  public mutating func element(
    _ name: StaticString, _ attributes: Attributes = [:], _ content: (inout HTML) -> Void
  ) {
    open(name, attributes)
    content(&self)
    close(name)
  }

  /// Adds an element with a text.
  public mutating func element(_ name: StaticString, _ attributes: Attributes, _ text: String) {
    open(name, attributes)
    self.text(text)
    close(name)
  }

  /// Adds an element with a text.
  public mutating func element(_ name: StaticString, _ text: String) { element(name, [:], text) }

  /// Adds an element that has no content and no end, such as `input`.
  public mutating func void(_ name: StaticString, _ attributes: Attributes = [:]) { open(name, attributes) }

  /// Adds what was written separately.
  public mutating func append(_ other: HTML) { bytes += other.bytes }

  private mutating func open(_ name: StaticString, _ attributes: Attributes) {
    append("<")
    append(name)
    for (name, value) in attributes {
      guard let value else { continue }
      append(" ")
      append(name)
      append("=\"")
      escape(value.utf8)
      append("\"")
    }
    append(">")
  }

  private mutating func close(_ name: StaticString) {
    append("</")
    append(name)
    append(">")
  }

  /// Adds markup of the source code.
  mutating func append(_ markup: StaticString) {
    bytes += UnsafeBufferPointer(start: markup.utf8Start, count: markup.utf8CodeUnitCount)
  }

  private mutating func escape(_ text: some Sequence<UInt8>) {
    for byte in text {
      switch byte {
      case UInt8(ascii: "&"): append("&amp;")
      case UInt8(ascii: "<"): append("&lt;")
      case UInt8(ascii: ">"): append("&gt;")
      case UInt8(ascii: "\""): append("&quot;")
      case UInt8(ascii: "'"): append("&#39;")
      // HTML has no NUL; a parser would replace or drop it.
      case 0: append("\u{fffd}")
      default: bytes.append(byte)
      }
    }
  }
}

/// A parsed document together with its bytes, so that a member of the outermost object can be passed on as it came in.
public struct JSONDocument: Sendable {
  /// What the document says.
  public let value: JSONValue
  /// The document as it came in.
  public let bytes: [UInt8]

  /// Where the values of the outermost object's members stand in `bytes`, in the order of the members.
  private let sources: [Range<Int>]

  /// Reads a document, as `JSONValue.init(parsing:maximumDepth:)` does.
  public init(parsing bytes: [UInt8], maximumDepth: Int = 128) throws(JSONError) {
    self.bytes = bytes
    (value, sources) = try bytes.withUnsafeBufferPointer { (bytes) throws(JSONError) in
      var parser = JSONParser(bytes, maximumDepth: maximumDepth)
      return (try parser.parseDocument(), parser.sources)
    }
  }

  /// The bytes of a member's value exactly as they came in, without the white space around it.
  ///
  /// Nil when the document is no object or has no such key. The slice keeps the whole document in memory.
  public func source(of key: String) -> ArraySlice<UInt8>? {
    guard let position = value.objectValue?.position(of: key) else { return nil }
    return bytes[sources[position]]
  }
}

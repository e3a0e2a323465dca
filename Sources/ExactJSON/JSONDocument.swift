/// A parsed document with its bytes, so that members of the outermost object can be stored unchanged.
public struct JSONDocument: Sendable {
  /// The value.
  public let value: JSONValue
  /// The bytes of the document.
  public let bytes: [UInt8]

  /// The ranges in `bytes` of the values of the outermost object's members, in order.
  private let sources: [Range<Int>]

  /// Parses a document as `JSONValue.init(parsing:maximumDepth:)` does.
  public init(parsing bytes: [UInt8], maximumDepth: Int = 128) throws(JSONError) {
    self.bytes = bytes
    (value, sources) = try bytes.withUnsafeBufferPointer { (bytes) throws(JSONError) in
      var parser = JSONParser(bytes, maximumDepth: maximumDepth)
      return (try parser.parseDocument(), parser.sources)
    }
  }

  /// The unchanged bytes of a member's value, without the white space around it; nil if the document is not an object
  /// or has no such key. The slice keeps the whole document in memory.
  public func source(of key: String) -> ArraySlice<UInt8>? {
    guard let position = value.objectValue?.position(of: key) else { return nil }
    return bytes[sources[position]]
  }
}

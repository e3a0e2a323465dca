/// A parsed document with its bytes, so that members of the outermost object can be stored unchanged.
public struct JSONDocument: Sendable {
  /// The value.
  public let value: JSONValue
  /// The bytes of the document.
  public let bytes: [UInt8]

  /// The ranges in `bytes` of the values of the outermost object's members, in order.
  private let sources: [Range<Int>]

  /// Finds an array by its key in the outermost object and by its text, if it was parsed before; nil if it was not.
  public typealias KnownArray = (_ key: String, _ text: [UInt8]) -> JSONValue?

  /// Parses a document as `JSONValue.init(parsing:maximumDepth:)` does.
  /// - Parameter known: is asked for each array of the outermost object that has up to 16 KiB. What it returns must
  ///   have been parsed from the same text, in the same place; it is not parsed again.
  public init(
    parsing bytes: [UInt8], maximumDepth: Int = 128, known: KnownArray? = nil
  ) throws(JSONError) {
    self.bytes = bytes
    (value, sources) = try bytes.withUnsafeBufferPointer { (bytes) throws(JSONError) in
      var parser = JSONParser(bytes, maximumDepth: maximumDepth, known: known)
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

extension JSONValue {
  /// The permitted maximum depths: a thread with a stack of 512 KB can parse, compare, write and release any document
  /// within.
  public static let permittedDepths = 1...160

  /// Parses a document in UTF-8, strictly after RFC 8259; a repeated key in an object is an error too.
  /// - Parameter maximumDepth: how deep arrays and objects may nest, within `permittedDepths` (else the process stops);
  ///   a scalar has depth 0.
  /// - Throws: `JSONError` with the offset.
  public init(parsing bytes: [UInt8], maximumDepth: Int = 128) throws(JSONError) {
    self = try bytes.withUnsafeBufferPointer { (bytes) throws(JSONError) in
      var parser = JSONParser(bytes, maximumDepth: maximumDepth)
      return try parser.parseDocument()
    }
  }

  /// Parses a document as `init(parsing:maximumDepth:)` does, up to the greatest permitted depth: for documents that
  /// contain others whose depth was checked before.
  public init(deeply bytes: [UInt8]) throws(JSONError) {
    try self.init(parsing: bytes, maximumDepth: Self.permittedDepths.upperBound)
  }

  /// Parses a text as `init(parsing:maximumDepth:)` parses bytes; offsets of errors count UTF-8.
  public init(parsing text: String, maximumDepth: Int = 128) throws(JSONError) {
    self = try text.utf8.span.withUnsafeBufferPointer { (bytes) throws(JSONError) in
      var parser = JSONParser(bytes, maximumDepth: maximumDepth)
      return try parser.parseDocument()
    }
  }
}

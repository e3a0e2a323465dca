/// A response with its whole body.
public struct HTTPResponse: Sendable {
  /// A redirect is a response like any other: none is followed.
  public var status: Int

  /// Of the final response: interim (1xx) responses and trailers are left out. A repeated field is repeated here.
  public var headers: [HTTPHeader]

  /// Decompressed.
  public var body: [UInt8]

  /// A response made by hand, as a test wants it.
  public init(status: Int, headers: [HTTPHeader] = [], body: [UInt8] = []) {
    self.status = status
    self.headers = headers
    self.body = body
  }

  /// The value of the first field of that name, in any case.
  public func header(_ name: String) -> String? { headers.first(named: name) }
}

/// A response whose headers are here and whose body is still under way.
public struct HTTPStreamingResponse: Sendable {
  /// A redirect is a response like any other: none is followed.
  public let status: Int

  /// Of the final response: interim (1xx) responses are left out. A repeated field is repeated here.
  public let headers: [HTTPHeader]

  /// To be read once, by one task. The transfer is aborted when the body and its iterators are gone.
  public let body: HTTPBody

  /// The value of the first field of that name, in any case.
  public func header(_ name: String) -> String? { headers.first(named: name) }
}

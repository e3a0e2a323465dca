/// What comes before the body of a final response.
struct ResponseHead: Sendable {
  /// 200 and above, or 101.
  var status: Int
  /// In the order they came, repeated fields repeated.
  var headers: [HTTPHeader]
}

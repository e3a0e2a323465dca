/// A header field as it stands in the message: the name in the sender's case, the value without the line's end.
public typealias HTTPHeader = (name: String, value: String)

extension [HTTPHeader] {
  /// The value of the first field of that name, in any case; nil when there is none.
  func first(named name: String) -> String? {
    let wanted = name.lowercased()
    return first { $0.name.lowercased() == wanted }?.value
  }
}

import AccessKeys
import ExactJSON
import FastCGI
import Workflow

extension RequestContext {
  /// Whose schedule or store is meant: that of the key; for an admin, with `?owner=`, also that of another name, or of
  /// none.
  /// - Parameter kind: what is meant, in the plural.
  /// - Throws: a 422 for what is no name of a key, a 403 for the name of another one.
  func owner(_ request: FastCGIRequest, of kind: String) throws(APIError) -> String? {
    let given = QueryItems(request).decoded.last { $0.name.hasSameScalars(as: "owner") }?.value
    guard let given else { return owner }
    guard given.isEmpty || AccessKey.isValidName(given) else {
      throw .invalid([
        ValidationFault(
          "value_error", [.key("query"), .key("owner")], "Value error, the name of a key is \(AccessKey.nameRule)",
          input: .string(given))
      ])
    }
    if let scope, !given.hasSameScalars(as: scope) { throw .forbidden("\(kind) of other names need the role admin") }
    return given.isEmpty || owner == nil ? nil : given
  }
}

extension RouteDocumentation.Parameter {
  /// Whose schedule or store it is.
  static func owner(of kind: String) -> Self {
    Self(
      name: "owner", place: .query, schema: ["type": "string", "pattern": "^(?:[A-Za-z0-9_.][A-Za-z0-9_.-]{0,63})?$"],
      meaning: "the name of another key, or nothing for a \(kind) of no name; only for the role admin")
  }
}

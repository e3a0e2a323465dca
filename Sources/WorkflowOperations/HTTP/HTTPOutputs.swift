import Curl
import ExactJSON
import LinuxSupport

/// The outputs of a response.
enum HTTPOutputs {
  /// `status`; `headers` by their names in lower case, repeated ones joined; `body`, or `body_base64` where it is not
  /// UTF-8; and `json` where the content type is JSON and the body can be read as such.
  static func outputs(of response: HTTPResponse) -> JSONObject {
    var outputs: JSONObject = ["status": .number(JSONNumber(response.status)), "headers": .object(headers(response))]
    guard let text = String(validating: response.body, as: UTF8.self) else {
      outputs["body_base64"] = .string(Base64.text(of: response.body))
      return outputs
    }
    outputs["body"] = .string(text)
    if isJSON(response), let json = try? JSONValue(parsing: response.body) { outputs["json"] = json }
    return outputs
  }

  private static func headers(_ response: HTTPResponse) -> JSONObject {
    var places: [String: Int] = [:]
    var fields: [(key: String, value: String)] = []
    for header in response.headers {
      let name = header.name.lowercased()
      if let place = places[name] {
        fields[place].value += ", " + header.value
      } else {
        places[name] = fields.count
        fields.append((name, header.value))
      }
    }
    return JSONObject(fields.map { ($0.key, .string($0.value)) })
  }

  /// Whether the content type is JSON: `application/json`, or one that ends in `+json` (RFC 6839).
  private static func isJSON(_ response: HTTPResponse) -> Bool {
    let type = (response.header("content-type") ?? "").prefix { $0 != ";" }.filter { $0 != " " }.lowercased()
    return type == "application/json" || type.hasSuffix("+json")
  }
}

import AccessKeys
import ExactJSON
import FastCGI
import OpenSSL
import WorkflowPages

extension PageVisit {
  /// `GET` and `POST /workflow/login`: the form, and a key from it.
  func login() async throws(APIError) -> FastCGIResponse {
    let keys = pages.accessControl.keys
    guard request.method.hasSameScalars(as: "POST") else {
      return keys == nil ? redirect(to: "/status") : loginPage(nil)
    }
    guard FormBody.isForm(request) else {
      throw .noForm("this path reads the form of its page; programs send Authorization: Bearer KEY")
    }
    try FormToken.check(request, nil)
    guard let keys else { return redirect(to: "/status") }
    let form = FormBody(request)
    let secret = form.text("key") ?? ""
    guard keys.isLoaded, !keys.isEmpty else { return loginPage(.noKeys) }
    guard let key = keys.key(for: secret) else { return loginPage(.unknownKey) }
    context.note("name", key.name)
    return redirect(
      to: Self.isOwn(form.text("next")) ?? "/status",
      headers: [Cookies.header(Cookies.key, Cookies.value(ofSecret: secret), for: request)])
  }

  /// `POST /workflow/logout`: the cookie is removed. Other sites cannot do that: the cookie of the token is missing in
  /// their requests, too.
  func logout() throws(APIError) -> FastCGIResponse {
    let key = Cookies.secret(in: request).flatMap { pages.accessControl.keys?.key(for: $0) }
    try FormToken.check(request, key)
    return redirect(
      to: pages.accessControl.keys == nil ? "/status" : "/workflow/login",
      headers: [Cookies.header(Cookies.key, nil, for: request)])
  }

  /// The form of the login, with 200 where it was asked for and with the status of an error in its place.
  func loginPage(_ error: APIError?) -> FastCGIResponse {
    var html = HTML()
    html.element("div", ["class": "card narrow"]) { html in
      html.element("h1", "Log in")
      if let problem = problem(error) {
        html.element("p", ["class": "why", "role": "alert", "id": "problem"], problem)
      } else {
        html.element("p", ["class": "soft"], "This API wants a key. The command wf keys add NAME makes one.")
      }
      // Without a key the token belongs to no key.
      html.form("/workflow/login", token: token.text(for: nil)) { html in
        html.void("input", ["type": "hidden", "name": "next", "value": next])
        html.element("div", ["class": "field"]) { html in
          html.element("label", ["for": "key"], "Key")
          html.void(
            "input",
            [
              "type": "password", "id": "key", "name": "key", "required": "", "autocomplete": "current-password",
              "autofocus": "", "spellcheck": "false", "aria-describedby": problem(error) == nil ? nil : "problem",
            ])
        }
        html.element("button", ["class": "main"], "Log in")
      }
    }
    let page = Page(title: "Log in", section: nil, content: html)
    var headers = (error?.response.headers ?? []).filter { !["Content-Type", "Cache-Control"].contains($0.name) }
    if case .unknownKey? = error, Cookies.value(Cookies.key, in: request) != nil {
      headers.append(Cookies.header(Cookies.key, nil, for: request))
    }
    return response(page, status: error?.status ?? 200, headers: headers)
  }

  private func problem(_ error: APIError?) -> String? {
    switch error {
    case .unknownKey?: "This key is none of this API. It may have been revoked."
    case .noKeys?: error?.sentence
    default: nil
    }
  }

  /// Where a login leads to.
  private var next: String {
    if request.path.hasSameScalars(as: "/workflow/login") {
      return Self.isOwn(FormBody(request).text("next")) ?? "/status"
    }
    guard request.method.hasSameScalars(as: "GET") else { return "/status" }
    return Self.isOwn(request.query.isEmpty ? request.path : "\(request.path)?\(request.query)") ?? "/status"
  }

  /// A path, if it is one of the pages: a login leads to no other site.
  private static func isOwn(_ path: String?) -> String? {
    guard let path, path.utf8.count < 2_000, path.utf8.allSatisfy({ (0x21...0x7e).contains($0) && $0 != 0x5c }),
      ["/status", "/workflow"].contains(where: { start in
        guard path.utf8.starts(with: start.utf8) else { return false }
        let following = path.utf8.dropFirst(start.utf8.count).first
        return following == nil || "/?".utf8.contains(following ?? 0)
      })
    else { return nil }
    return path
  }
}

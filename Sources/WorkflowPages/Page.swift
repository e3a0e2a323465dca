/// A page: what all of them have, around what is particular to one.
public struct Page: Sendable {
  /// The part of the site that a page belongs to.
  public enum Section: String, Sendable, CaseIterable {
    case runs, submit, schedules, health, docs

    /// The path of its first page.
    public var path: String {
      switch self {
      case .runs: "/status"
      case .submit: "/workflow"
      case .schedules: "/workflow/schedules"
      case .health: "/status/health"
      case .docs: "/workflow/docs"
      }
    }

    fileprivate var title: String {
      switch self {
      case .runs: "Runs"
      case .submit: "Submit"
      case .schedules: "Schedules"
      case .health: "Health"
      case .docs: "Docs"
      }
    }
  }

  /// Who looks at the page.
  public struct Viewer: Sendable {
    /// The name of the key; nil where requests need none.
    public var name: String?
    /// What the key allows; nil without one.
    public var role: String?
    /// Whether the browser has a session, which it can end.
    public var hasSession = false
    /// Whether runs may be submitted and steered.
    public var mayChange = true
    /// Whether other pages can be looked at.
    public var isAdmitted = true
    /// What forms send back, so that no other site can send them.
    public var token = ""

    /// Somebody.
    public init() {}
  }

  /// What the policy of each page allows: what comes from this host, no inline script or style, no frame.
  public static let policy = """
    default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
    form-action 'self'; frame-ancestors 'none'; base-uri 'none'
    """

  /// The title in the browser's tab.
  public let title: String
  /// The section that the navigation marks; nil for a page of none.
  public let section: Section?
  /// The names of its scripts in the source code.
  public let scripts: [String]
  /// What is particular to it.
  public let content: HTML

  /// A page.
  public init(title: String, section: Section?, scripts: [String] = [], content: HTML) {
    self.title = title
    self.section = section
    self.scripts = scripts
    self.content = content
  }

  /// The page in HTML.
  public func html(for viewer: Viewer) -> [UInt8] {
    var html = HTML()
    html.append("<!doctype html>")
    html.element("html", ["lang": "en"]) { html in
      html.element("head") { head(&$0, viewer) }
      html.element("body") { html in
        html.element("a", ["class": "skip", "href": "#main"], "Skip to the content")
        header(&html, viewer)
        html.element("main", ["id": "main", "tabindex": "-1"]) { $0.append(content) }
        html.element("div", ["id": "announcer", "class": "quiet", "role": "status", "aria-live": "polite"], "")
      }
    }
    return html.bytes
  }

  private func head(_ html: inout HTML, _ viewer: Viewer) {
    html.void("meta", ["charset": "utf-8"])
    html.void("meta", ["name": "viewport", "content": "width=device-width, initial-scale=1"])
    html.void("meta", ["name": "color-scheme", "content": "light dark"])
    html.void("meta", ["name": "referrer", "content": "same-origin"])
    html.element("title", "\(title) · wf")
    // A browser asks for /favicon.ico where a page names no icon, which nginx does not forward.
    html.void("link", ["rel": "icon", "href": "data:,"])
    html.void("link", ["rel": "stylesheet", "href": Assets.all.path(of: "wf.css")])
    for script in scripts {
      html.element("script", ["type": "module", "src": Assets.all.path(of: script)], "")
    }
  }

  private func header(_ html: inout HTML, _ viewer: Viewer) {
    html.element("header", ["class": "site"]) { html in
      html.element("a", ["class": "brand", "href": "/status"], "wf")
      guard viewer.isAdmitted else { return }
      html.element("nav", ["aria-label": "Main"]) { html in
        html.element("ul") { html in
          for section in Section.allCases where section != .submit || viewer.mayChange {
            html.element("li") { html in
              html.element(
                "a", ["href": section.path, "aria-current": section == self.section ? "page" : nil], section.title)
            }
          }
        }
      }
      account(&html, viewer)
    }
  }

  private func account(_ html: inout HTML, _ viewer: Viewer) {
    guard let name = viewer.name else { return }
    html.element("div", ["class": "account"]) { html in
      html.element("span") { html in
        html.text(name)
        if let role = viewer.role, role != "user" { html.element("small", " \(role)") }
      }
      guard viewer.hasSession else { return }
      html.form("/workflow/logout", token: viewer.token) { $0.element("button", ["class": "link"], "Log out") }
    }
  }
}

extension HTML {
  /// Adds a form that is posted, with its token.
  public mutating func form(
    _ action: String, token: String, name: String? = nil, _ content: (inout HTML) -> Void
  ) {
    element("form", ["method": "post", "action": action, "class": name]) { html in
      html.void("input", ["type": "hidden", "name": "csrf", "value": token])
      content(&html)
    }
  }

  /// Adds a word that says where something is, with a colour.
  public mutating func badge(_ status: String) {
    element("span", ["class": "badge s-\(status)"], status)
  }
}

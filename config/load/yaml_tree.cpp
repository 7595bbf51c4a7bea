#include "config/load/yaml_tree.hpp"

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <istream>
#include <streambuf>
#include <utility>

namespace godwit::config {

namespace {

Mark mark_of(const YAML::Mark& mark) {
    return mark.is_null() ? Mark{} : Mark{mark.line + 1, mark.column + 1};
}

// Stops the parser from inside an event.
struct BeyondLimit {
    Mark mark;
    Problem problem;
};

class TreeBuilder : public YAML::EventHandler {
public:
    explicit TreeBuilder(Findings& findings) : findings_(findings) {}

    void OnDocumentStart(const YAML::Mark& /*mark*/) override {}
    void OnDocumentEnd() override {}

    void OnNull(const YAML::Mark& mark, YAML::anchor_t /*anchor*/) override {
        place(make(YamlNode::Kind::Null, mark));
    }
    void OnAlias(const YAML::Mark& mark, YAML::anchor_t /*anchor*/) override {
        findings_.error(mark_of(mark), "",
                        {"alias-refused", "aliases (*name) are not part of the configuration",
                         "Write the value out here."});
        place(make(YamlNode::Kind::Refused, mark));
    }
    void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t /*anchor*/,
                  const std::string& value) override {
        YamlNode node = make(YamlNode::Kind::Scalar, mark);
        // yaml-cpp's tags of scalars without a tag: "?" when plain, "!" when quoted.
        node.quoted = tag == "!";
        node.text = value;
        refuse_tag(mark, tag, node);
        place(std::move(node));
    }
    void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t /*anchor*/,
                         YAML::EmitterStyle::value /*style*/) override {
        open(YamlNode::Kind::List, mark, tag);
    }
    void OnSequenceEnd() override { close(); }
    void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t /*anchor*/,
                    YAML::EmitterStyle::value /*style*/) override {
        open(YamlNode::Kind::Map, mark, tag);
    }
    void OnMapEnd() override { close(); }

    [[nodiscard]] YamlNode take() { return std::move(root_); }

private:
    YamlNode make(YamlNode::Kind kind, const YAML::Mark& mark) {
        if (++nodes_ > kMostNodes) {
            throw BeyondLimit{mark_of(mark),
                              {"too-many-values",
                               fmt::format("a configuration has at most {} values", kMostNodes),
                               "Leave the routes of a large table to a routing protocol."}};
        }
        YamlNode node;
        node.kind = kind;
        node.mark = mark_of(mark);
        return node;
    }

    void refuse_tag(const YAML::Mark& mark, const std::string& tag, YamlNode& node) {
        if (!tag.empty() && tag != "?" && tag != "!") {
            findings_.error(mark_of(mark), "",
                            {"tag-refused",
                             fmt::format("YAML tags ({}) are not part of the configuration", tag),
                             "Remove the tag; the key knows the type of its value."});
            node.kind = YamlNode::Kind::Refused;
        }
    }

    void open(YamlNode::Kind kind, const YAML::Mark& mark, const std::string& tag) {
        if (open_.size() == kMostDepth) {
            throw BeyondLimit{
                mark_of(mark),
                {"too-deep", fmt::format("maps and lists are nested more than {} deep", kMostDepth),
                 "No key of the configuration is that deep; look for a bracket that "
                 "is not closed, or for indentation."}};
        }
        open_.push_back(make(kind, mark));
        refuse_tag(mark, tag, open_.back());
    }

    void close() {
        YamlNode node = std::move(open_.back());
        open_.pop_back();
        place(std::move(node));
    }

    void place(YamlNode&& node) {
        if (open_.empty()) {
            root_ = std::move(node);
        } else {
            open_.back().children.push_back(std::move(node));
        }
    }

    Findings& findings_;
    std::vector<YamlNode> open_;  // the containers that are not closed yet, outermost first
    YamlNode root_;
    std::size_t nodes_ = 0;
};

class DiscardedDocument : public YAML::EventHandler {
public:
    void OnDocumentStart(const YAML::Mark& mark) override {
        throw BeyondLimit{mark_of(mark),
                          {"several-documents", "a second document starts here",
                           "A configuration is one document; remove what follows '---'."}};
    }
    void OnDocumentEnd() override {}
    void OnNull(const YAML::Mark& /*mark*/, YAML::anchor_t /*anchor*/) override {}
    void OnAlias(const YAML::Mark& /*mark*/, YAML::anchor_t /*anchor*/) override {}
    void OnScalar(const YAML::Mark& /*mark*/, const std::string& /*tag*/, YAML::anchor_t /*anchor*/,
                  const std::string& /*value*/) override {}
    void OnSequenceStart(const YAML::Mark& /*mark*/, const std::string& /*tag*/,
                         YAML::anchor_t /*anchor*/, YAML::EmitterStyle::value /*style*/) override {}
    void OnSequenceEnd() override {}
    void OnMapStart(const YAML::Mark& /*mark*/, const std::string& /*tag*/,
                    YAML::anchor_t /*anchor*/, YAML::EmitterStyle::value /*style*/) override {}
    void OnMapEnd() override {}
};

// Reads a view without copying it.
class ViewBuffer : public std::streambuf {
public:
    explicit ViewBuffer(std::string_view text) {
        char* begin = const_cast<char*>(text.data());  // the get area is never written through
        setg(begin, begin, begin + text.size());
    }
};

// Whether nothing stands in the way of handing the text to the parser.
bool acceptable(const SourceText& source, Findings& findings) {
    if (source.text().size() > kMostFileBytes) {
        findings.error(
            {}, "",
            {"file-too-large", fmt::format("the file has more than {} MiB", kMostFileBytes >> 20U),
             "Leave the routes of a large table to a routing protocol."});
        return false;
    }
    for (int number = 1; static_cast<std::size_t>(number) <= source.line_count(); ++number) {
        const std::string_view line = source.line(number);
        if (line.size() > kMostLineBytes) {
            findings.error({number, 1}, "",
                           {"line-too-long",
                            fmt::format("the line has more than {} KiB", kMostLineBytes >> 10U),
                            "Break it into several lines."});
            continue;
        }
        for (std::size_t offset = 0; offset < line.size();) {
            const Character character = character_at(line, offset);
            if (!character.is_printable() && character.code != '\t') {
                const Mark mark = {number, static_cast<int>(offset) + 1};
                findings.error(
                    mark, "",
                    character.valid
                        ? Problem{"invalid-character",
                                  fmt::format("the character U+{:04X} cannot be seen",
                                              static_cast<std::uint32_t>(character.code)),
                                  "Remove it."}
                        : Problem{"invalid-character",
                                  fmt::format("the byte 0x{:02x} is not UTF-8",
                                              static_cast<std::uint32_t>(character.code)),
                                  "Save the file as UTF-8."});
                break;  // one a line is enough to find them
            }
            offset += character.size;
        }
    }
    return !findings.has_errors();
}

// yaml-cpp's words for what a person did, and what to do about it.
std::string help_for(const SourceText& source, const Mark& mark) {
    const std::string_view line = source.line(mark.line);
    const std::size_t indent = line.find_first_not_of(" \t");
    const bool tab_indent = line.substr(0, indent).find('\t') != std::string_view::npos;
    if (tab_indent) {
        return "Indent with spaces: YAML does not allow tabs there.";
    }
    return "Look at this line and the one before it: indentation, a missing ':' or space after it, "
           "quotes and brackets that are not closed.";
}

}  // namespace

std::optional<YamlNode> parse_yaml(const SourceText& source, Findings& findings) {
    if (!acceptable(source, findings)) {
        return std::nullopt;
    }
    try {
        ViewBuffer buffer(source.text());
        std::istream stream(&buffer);
        YAML::Parser parser(stream);
        TreeBuilder builder(findings);
        if (!parser.HandleNextDocument(builder)) {
            findings.error({}, "",
                           {"empty-file", "the file has no configuration in it",
                            "The least that a file says is 'version: 1'."});
            return std::nullopt;
        }
        DiscardedDocument rest;
        parser.HandleNextDocument(rest);
        return builder.take();
    } catch (const BeyondLimit& limit) {
        findings.error(limit.mark, "", limit.problem);
    } catch (const YAML::Exception& exception) {
        const Mark mark = mark_of(exception.mark);
        findings.error(mark, "",
                       {"syntax", "this is not YAML: " + exception.msg, help_for(source, mark)});
    }
    return std::nullopt;
}

}  // namespace godwit::config

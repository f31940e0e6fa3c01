// Small things about addresses. Internal to source/.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace vram {

std::string lower(std::string_view text);
std::string_view trimmed(std::string_view text);
std::vector<std::string_view> split(std::string_view text, std::string_view separators);  // empty pieces left out
std::string joined(const std::vector<std::string>& pieces, std::size_t first);            // with '/'
std::string percent_encoded(std::string_view path);                                       // '/' stays
std::string percent_decoded(std::string_view text);
// The part before the first of `ends`; all of it when there is none.
std::string_view before(std::string_view text, std::string_view ends);
std::string_view file_name(std::string_view path);  // behind the last '/'
std::string_view folder_of(std::string_view path);  // before the last '/', or empty

}  // namespace vram

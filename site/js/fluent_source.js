// Texts as Fluent's bundle takes them. The build parses them beforehand and puts its own version of this module in place
// (site/build.mjs), so that no visitor's computer does; unbuilt, in tests, they are parsed here.
import { FluentResource } from '@fluent/bundle';

export const resourceOf = (source) => new FluentResource(source);

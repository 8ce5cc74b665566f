export { publicKeyReader } from './public-keys.js';
export { verifyToken } from './verify.js';

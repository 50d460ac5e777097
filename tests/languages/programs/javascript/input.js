const text = require('fs').readFileSync(0, 'utf8');
console.log(text.trim().split(' ').map(Number).reduce((a, b) => a + b));
